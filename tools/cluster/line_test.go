package cluster_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/baton-hub/baton/tools/cluster"
)

func TestALineIsHeldRefusesAndPassesOnWhatWasHeld(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	line, err := cluster.NewLine(echo.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	dial := func() (net.Conn, *bufio.Reader) {
		t.Helper()
		conn, err := net.Dial("tcp", line.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn, bufio.NewReader(conn)
	}
	hears := func(conn net.Conn, from *bufio.Reader, want string) {
		t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if got, err := from.ReadString('\n'); got != want+"\n" {
			t.Fatalf("heard %q, %v, want %s", got, err, want)
		}
	}
	conn, from := dial()
	_, _ = io.WriteString(conn, "one\n")
	hears(conn, from, "one")

	line.Hold()
	late, lateFrom := dial()
	_, _ = io.WriteString(conn, "two\n")
	_, _ = io.WriteString(late, "three\n")
	for _, c := range []net.Conn{conn, late} {
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := c.Read(make([]byte, 10)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("heard %d bytes over a line that is held, %v", n, err)
		}
	}
	line.Pass()
	hears(conn, from, "two")
	hears(late, lateFrom, "three")

	line.Refuse()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Read(make([]byte, 10)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection over a line that refuses reads %v", err)
	}
	refused, _ := dial()
	_ = refused.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := refused.Read(make([]byte, 10)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a new one reads %v", err)
	}
	line.Pass()
	again, againFrom := dial()
	_, _ = io.WriteString(again, "four\n")
	hears(again, againFrom, "four")
}
