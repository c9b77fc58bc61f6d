package hub

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

func TestAnEventStreamThatIsNotReadIsGivenUpInTime(t *testing.T) {
	outcome := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &eventStream{w: w, controller: http.NewResponseController(w)}
		s.begin()
		var err error
		for err == nil && r.Context().Err() == nil {
			err = s.Write(make([]byte, 8<<10), 300*time.Millisecond, channels.Cursor{})
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("it failed with %v", err)
		}
		outcome <- err
		_ = s.CloseNow()
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-outcome:
		if err == nil {
			t.Error("everything was taken, though nobody read it")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the writer hangs on a client that does not read")
	}
}

func TestAnEventStreamIsNotPingedWhileItIsWrittenTo(t *testing.T) {
	out := httptest.NewRecorder()
	s := &eventStream{w: out, controller: http.NewResponseController(out)}
	s.mu.Lock() // as Write does, whose time it is
	defer s.mu.Unlock()
	if err := s.Ping(time.Nanosecond); err != nil {
		t.Error(err)
	}
}
