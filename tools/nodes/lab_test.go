package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/tools/cluster"
)

// patience is how long a test waits for what has to come, on a machine that has much else to do.
const patience = 90 * time.Second

// A lab is the cluster that all tests of this package share: one that ends leaves it whole. Between each hub and what it
// needs is a line that can be cut.
type lab struct {
	*cluster.Cluster
	nats    [][]*cluster.Line // by hub, then by server
	redis   []*cluster.Line   // by hub
	clients []*cluster.Line   // by hub: from nginx
	admin   *person           // of the space
	runs    atomic.Int64
}

var shared *lab

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // what clients say of connections that are lost: here it is on purpose
	dir, err := os.MkdirTemp("", "baton-nodes-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	l, err := start(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting the cluster:", err)
		return 1
	}
	shared = l
	code := m.Run()
	if err := l.end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

func start(dir string) (*lab, error) {
	l := &lab{}
	var failed error
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	c, err := cluster.Start(ctx, cluster.Options{
		Dir: dir, Bin: "../../bin", Deploy: "../../deploy", Config: "testdata/site.yaml", HubArgs: []string{"--demo=false"},
		Through: func(from, to, address string) string {
			if strings.HasPrefix(from, "nats-") {
				return address
			}
			line, err := cluster.NewLine(address)
			if err != nil {
				failed = err
				return address
			}
			if from == "nginx" {
				l.clients = append(l.clients, line)
				return line.Address()
			}
			if to == "redis" {
				l.redis = append(l.redis, line)
				return line.Address()
			}
			if to == "nats-1" {
				l.nats = append(l.nats, nil)
			}
			last := len(l.nats) - 1
			l.nats[last] = append(l.nats[last], line)
			return line.Address()
		},
	})
	if err == nil {
		err = failed
	}
	l.Cluster = c
	return l, err
}

func (l *lab) end() error {
	err := l.End()
	for _, line := range l.lines() {
		line.Close()
	}
	return err
}

func (l *lab) lines() (all []*cluster.Line) {
	for _, of := range l.nats {
		all = append(all, of...)
	}
	return append(append(all, l.redis...), l.clients...)
}

// begin gives a test the cluster, whole, and a name for what it writes. If the test fails, the last words of the hubs are told.
func begin(t *testing.T) (l *lab, run string) {
	t.Helper()
	l = shared
	if l.admin == nil {
		l.admin = signIn(t, l.URL, "ada")
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range append(append([]*cluster.Part{}, l.Hubs...), l.Nginx) {
				t.Logf("the last words of %s:\n%s", p.Name, p.Log())
			}
		}
		l.heal(t)
	})
	return l, fmt.Sprint("run", l.runs.Add(1), "-")
}

// heal makes everything whole.
func (l *lab) heal(t *testing.T) {
	t.Helper()
	for _, line := range l.lines() {
		line.Pass()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience) // that of a test has ended when it cleans up
	defer cancel()
	for _, p := range l.Parts() {
		if p.PID() == 0 {
			if err := p.Launch(); err != nil {
				t.Error(err)
			}
		}
		if err := p.Continue(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range l.Parts() {
		if err := p.Ready(ctx); err != nil {
			t.Error(err)
		}
	}
}

// token makes one for a program.
func (l *lab) token(t *testing.T, name string) string {
	t.Helper()
	var issued struct{ Token string }
	l.admin.must(t, "POST", l.URL+"/api/v1/spaces/lab/tokens", map[string]any{"name": name}, &issued)
	return issued.Token
}

// A person is somebody who is signed in, by the cookie.
type person struct {
	cookie string
	origin string
}

// alone makes every request over a connection of its own, so that nginx chooses a node for each.
var alone = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// signIn signs somebody in; where it is refused because something is being brought up, again.
func signIn(t *testing.T, url, user string) *person {
	t.Helper()
	p := &person{origin: url}
	body := map[string]any{"space": "lab", "user": user, "password": user}
	var answer string
	eventually(t, "signing in", func() bool {
		status, header, text := p.ask(t, "POST", url+"/api/v1/session", body)
		for _, cookie := range (&http.Response{Header: header}).Cookies() {
			p.cookie = cookie.Name + "=" + cookie.Value
		}
		answer = text
		return status == http.StatusOK
	})
	if p.cookie == "" {
		t.Fatalf("signing in is answered without a cookie: %s", answer)
	}
	return p
}

// ask makes a request as this person. The status is 0 if there was no answer.
func (p *person) ask(t *testing.T, method, url string, body any) (status int, header http.Header, text string) {
	t.Helper()
	var data bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&data).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, url, &data)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if p.cookie != "" {
		r.Header.Set("Cookie", p.cookie)
	}
	response, err := alone.Do(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err.Error()
	}
	return response.StatusCode, response.Header, string(said)
}

// must makes a request that has to be done, again while it is told to wait.
func (p *person) must(t *testing.T, method, url string, body, into any) {
	t.Helper()
	status, _, text := p.ask(t, method, url, body)
	for late := time.Now().Add(patience); (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) && time.Now().Before(late); {
		<-time.After(100 * time.Millisecond)
		status, _, text = p.ask(t, method, url, body)
	}
	if status < 200 || status > 299 {
		t.Fatalf("%s %s is answered %d: %s", method, url, status, text)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !so(); {
		if time.Now().After(late) {
			t.Fatal("waited in vain: " + what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// connect makes a client through nginx. While first is not "", its connections go there instead.
func connect(t *testing.T, l *lab, o client.Options, first *atomic.Value) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	o.URL = l.URL
	o.HTTPClient = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if first != nil {
				if hub, _ := first.Load().(string); hub != "" {
					address = hub
				}
			}
			return dialer.DialContext(ctx, network, address)
		},
	}}
	c, err := client.Connect(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
