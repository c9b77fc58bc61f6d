package link

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"
)

// patience bounds what must happen at some time.
const patience = 30 * time.Second

// echo is a server that says everything back, and a connection to it through a link.
func echo(t *testing.T) (l *Link, c net.Conn, lines *bufio.Reader) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	if l, err = New(server.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if c, err = net.Dial("tcp", l.Addr()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return l, c, bufio.NewReader(c)
}

func say(t *testing.T, c net.Conn, line string) {
	t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, c net.Conn, lines *bufio.Reader, want string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if line, err := lines.ReadString('\n'); err != nil || line != want+"\n" {
		t.Fatalf("heard %q, %v, want %q", line, err, want)
	}
}

func TestWhatIsSentIntoACutLinkArrivesWhenItIsWhole(t *testing.T) {
	for name, ways := range map[string][2]Way{"there": {{Cut: true}, {}}, "back": {{}, {Cut: true}}, "both": {{Cut: true}, {Cut: true}}} {
		l, c, lines := echo(t)
		say(t, c, "before")
		hear(t, c, lines, "before")
		l.Set(ways[0], ways[1])
		say(t, c, "meanwhile")
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if line, err := lines.ReadString('\n'); err == nil {
			t.Errorf("%s: %q came through a cut link", name, line)
		}
		l.Set(Way{}, Way{})
		hear(t, c, lines, "meanwhile")
	}
}

func TestASlowLinkKeepsTheOrder(t *testing.T) {
	l, c, lines := echo(t)
	l.Set(Way{Delay: 100 * time.Millisecond}, Way{Delay: 50 * time.Millisecond})
	began := time.Now()
	for _, word := range []string{"one", "two", "three"} {
		say(t, c, word)
	}
	for _, word := range []string{"one", "two", "three"} {
		hear(t, c, lines, word)
	}
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestBreakResetsWhatIsThereAndNothingElse(t *testing.T) {
	l, c, lines := echo(t)
	say(t, c, "before")
	hear(t, c, lines, "before")
	l.Break()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if line, err := lines.ReadString('\n'); err == nil {
		t.Errorf("%q came through a broken connection", line)
	}
	again, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	say(t, again, "after")
	hear(t, again, bufio.NewReader(again), "after")
}
