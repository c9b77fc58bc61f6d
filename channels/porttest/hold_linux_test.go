package porttest_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/baton-hub/baton/channels/porttest"
)

func TestAPortIsOneHoldersAndAServersAlsoAgain(t *testing.T) {
	seen := map[int]bool{}
	for range 500 {
		port := porttest.Free(t)
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
	}
	for port := range seen {
		address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)).String()
		for range 2 { // a server, and the same started again
			server, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if client, err := net.Dial("tcp", address); err != nil {
				t.Error(err)
			} else {
				_ = client.Close()
			}
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("while there is no server, a connection ends with %v", err)
			}
		}
	}
}

func TestThePortOfAnIPv6AddressIsNotHeld(t *testing.T) {
	if _, err := porttest.Hold("::1"); err == nil {
		t.Error("it was")
	}
}
