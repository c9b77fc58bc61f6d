package nodes

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/client"
)

// A capture is a WebSocket of which every byte is looked at.
type capture struct {
	*net.TCPConn
	data     []byte
	answered bool
}

// listen opens a socket on a hub as a person, and joins the log.
func listen(t *testing.T, p *person, address string) *capture {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &capture{TCPConn: conn.(*net.TCPConn)}
	fmt.Fprintf(c, "GET /api/v1/ws?client=%s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nCookie: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: baton.v1\r\n\r\n", rand.Text()[:16], address, address, p.cookie)
	c.until(t, `"type":"welcome"`)
	join := `[{"type":"join","id":1,"channel":"log"}]`
	frame := append([]byte{0x81, 0x80 | byte(len(join)), 0, 0, 0, 0}, join...) // masked with zeros
	if _, err := c.Write(frame); err != nil {
		t.Fatal(err)
	}
	c.until(t, `"type":"joined"`)
	return c
}

// until reads until something was said.
func (c *capture) until(t *testing.T, what string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for buffer := make([]byte, 64<<10); !bytes.Contains(c.data, []byte(what)); {
		n, err := c.Read(buffer)
		c.data = append(c.data, buffer[:n]...)
		if err != nil {
			t.Fatalf("waiting for %s: %v after %q", what, err, c.data[max(0, len(c.data)-500):])
		}
	}
}

// arrived takes what has arrived until now, without waiting, and answers a goodbye, as a browser does.
func (c *capture) arrived(t *testing.T) {
	t.Helper()
	defer func() {
		if !c.answered && bytes.Contains(c.data, []byte(`"type":"bye"`)) {
			c.answered = true
			_, _ = c.Write([]byte{0x88, 0x80, 0, 0, 0, 0})
		}
	}()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Time{})
	buffer := make([]byte, 64<<10)
	_ = raw.Read(func(fd uintptr) bool {
		for {
			n, _, err := syscall.Recvfrom(int(fd), buffer, syscall.MSG_DONTWAIT)
			if n <= 0 || err != nil {
				return true
			}
			c.data = append(c.data, buffer[:n]...)
		}
	})
}

// silent reads to the end, and fails if there is anything.
func (c *capture) silent(t *testing.T, where string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(c)
	if len(said) > 0 {
		t.Errorf("after the answer to the sign-out, %s still said %q", where, said)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("%s keeps a socket of somebody who has signed out: %v", where, err)
	}
}

func TestASignOutOnOneNodeSilencesAllOfThem(t *testing.T) {
	l, run := begin(t)
	n, _ := rounds(60)
	var longest time.Duration
	begun := time.Now()
	talker := open(t, l, run, "talker", client.Options{Token: l.token(t, "talker")}, nil)
	over, failed := make(chan struct{}), make(chan error, 1)
	go func() { failed <- talker.write(context.Background(), over, 2*time.Millisecond) }()
	for i := range n {
		at := func(k int) string { return l.Hubs[(i+k)%3].URL() }
		alice := signIn(t, at(0), "alice")
		text := fmt.Sprint("hello-", run, i)
		var written struct{ Cursor string }
		alice.must(t, "POST", at(1)+"/api/v1/spaces/lab/channels/log", map[string]any{"data": text}, &written)
		var sockets []*capture
		for _, hub := range l.Hubs {
			sockets = append(sockets, listen(t, alice, hub.Address))
		}
		again := text + "-again"
		alice.must(t, "POST", at(1)+"/api/v1/spaces/lab/channels/log", map[string]any{"data": again}, nil)
		for _, s := range sockets {
			s.until(t, again)
		}
		began := time.Now()
		status, answer := signOut(t, alice, at(2), sockets)
		longest = max(longest, time.Since(began))
		if status != 204 && status != 200 {
			t.Fatalf("signing out is answered %d: %s", status, answer)
		}
		for k, s := range sockets {
			s.silent(t, l.Hubs[k].Name)
			_ = s.Close()
		}
		for k := range l.Hubs {
			status, _, answer := alice.ask(t, "GET", at(k)+"/api/v1/spaces/lab/channels/log", nil)
			if status != 401 {
				t.Errorf("somebody who has signed out is answered %d by %s: %s", status, at(k), strings.TrimSpace(answer)[:min(200, len(answer))])
			}
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d sign-outs in %v, the longest in %v", n, time.Since(begun).Round(time.Millisecond), longest.Round(time.Millisecond))
	close(over)
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

// signOut signs somebody out, with an eye on the sockets until the answer is there.
func signOut(t *testing.T, p *person, url string, sockets []*capture) (status int, answer string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		status, _, answer = p.ask(t, "DELETE", url+"/api/v1/session", nil)
	}()
	for {
		select {
		case <-done:
			for _, s := range sockets {
				s.arrived(t)
			}
			return status, answer
		case <-time.After(time.Millisecond):
			for _, s := range sockets {
				s.arrived(t)
			}
		}
	}
}
