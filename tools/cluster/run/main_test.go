package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// page is what the command has printed so far.
type page struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *page) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(data)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// eventually waits until something is so, which only other processes can bring.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for late := time.Now().Add(2 * time.Minute); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("waited in vain: " + what)
		}
	}
}

// person is somebody's browser.
type person struct {
	t    *testing.T
	http http.Client
	url  string
}

func (p *person) ask(method, path string, body, into any) int {
	p.t.Helper()
	var data bytes.Buffer
	if body != nil {
		_ = json.NewEncoder(&data).Encode(body)
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, &data)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(r)
	if err != nil {
		p.t.Log(err)
		return 0
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	if into != nil && response.StatusCode < 300 {
		if err := json.Unmarshal(text, into); err != nil {
			p.t.Fatalf("%s: %v", text, err)
		}
	}
	if response.StatusCode >= 300 {
		p.t.Logf("%s %s is answered %d: %s", method, path, response.StatusCode, text)
	}
	return response.StatusCode
}

// startCluster runs the command until the test ends, and returns what it prints, with alice, who is signed in.
func startCluster(t *testing.T) (out *page, alice *person) {
	t.Helper()
	listen := "127.0.0.1:" + strconv.Itoa(porttest.Free(t))
	ctx, stop := context.WithCancel(context.Background())
	var log page
	out = &page{}
	dir := t.TempDir()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-listen", listen, "-dir", dir, "-bin", "../../../bin", "-deploy", "../../../deploy"}, out, &log)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if t.Failed() {
			for _, file := range []string{"hub-1.log", "hub-2.log", "hub-3.log", "nginx.log"} {
				text, _ := os.ReadFile(filepath.Join(dir, file))
				t.Logf("%s:\n%s", file, text)
			}
		}
		if text := log.String(); strings.Contains(text, "was killed:") {
			t.Error(text)
		}
	})
	eventually(t, "the cluster runs", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("it has ended: %v\n%s", err, log.String())
		default:
		}
		return strings.Contains(out.String(), "Ctrl-C stops it.")
	})
	jar, _ := cookiejar.New(nil)
	alice = &person{t, http.Client{Jar: jar, Timeout: 20 * time.Second}, "http://" + listen}
	eventually(t, "the first node has opened the space, and alice is signed in", func() bool {
		return alice.ask("POST", "/api/v1/session", map[string]string{"space": "demo", "user": "alice", "password": "alice"}, nil) == 200
	})
	return out, alice
}

func TestThreeHubsServeAnybodyAndNothingIsLostWhenPartsAreKilled(t *testing.T) {
	out, alice := startCluster(t)
	said := 0
	say := func() {
		t.Helper()
		op := fmt.Sprintf("alice-test.%d", said+1)
		eventually(t, "a message is acknowledged", func() bool { // the same operation again: it is applied once
			return alice.ask("POST", "/api/v1/spaces/demo/channels/chat", map[string]any{"data": map[string]any{"text": said}, "op": op}, nil) < 300
		})
		said++
	}
	for range 10 {
		say()
	}
	for _, part := range []string{"hub-2", "nats-3"} {
		m := regexp.MustCompile(part + ` +kill -9 (\d+)`).FindStringSubmatch(out.String())
		pid, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			say()
		}
	}
	for range 6 { // whichever hub is asked
		var chat struct {
			Messages []struct{ Data struct{ Text int } }
		}
		eventually(t, "the chat is read", func() bool {
			return alice.ask("GET", "/api/v1/spaces/demo/channels/chat", nil, &chat) == 200
		})
		if len(chat.Messages) != said {
			t.Fatalf("%d messages were acknowledged, and there are %d", said, len(chat.Messages))
		}
		for i, m := range chat.Messages {
			if m.Data.Text != i {
				t.Fatalf("message %d is %d", i, m.Data.Text)
			}
		}
	}
}
