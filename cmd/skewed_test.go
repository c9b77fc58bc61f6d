package cmd

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// The site of both versions, %d and %s: its version, and what the next one has more.
const skewSite = `version: %d
title: Two versions
spaces:
  demo:
    channels:
      notes: {kind: store, write: [member]}
      ui: {kind: store, scope: user, write: [owner]}
      motors: {kind: store, live: true, write: [service]}
      chat: {kind: log, write: [member], keep: 50}
%s
    commands:
      count: {call: [member]}
      spell: {call: [member]}
      halt: {call: [member], stop: true}
      brake: {call: [member], stop: true}
authenticators:
  - kind: dev
`

// A skew is an installation on which nodes of two versions run: this one, and the next as tools/next makes it.
type skew struct {
	t      *testing.T
	dir    string
	shared []string // the flags of all nodes
	store  *natslog.Store

	// A third replica, of this version, in this process.
	space *channels.Space
	mu    sync.Mutex
	at    map[uint64][32]byte // digest of its state, by position
}

func newSkew(t *testing.T) *skew {
	s := &skew{t: t, dir: t.TempDir(), at: map[uint64][32]byte{}}
	nats, redis := natstest.External(t), sessiontest.Redis(t)
	s.shared = []string{"--demo=false", "--data", s.dir, "--nats", nats.URL, "--redis", redis.URL}
	s.store = natstest.Connect(t, nats.URL)
	return s
}

// site writes a site file and returns the flags that name it.
func (s *skew) site(version int, more string) []string {
	s.t.Helper()
	file := filepath.Join(s.dir, fmt.Sprintf("site-%d.yaml", version))
	if err := os.WriteFile(file, fmt.Appendf(nil, skewSite, version, more), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return append([]string{"--config", file}, s.shared...)
}

// next builds the next version.
func (s *skew) next(flags ...string) (program string) {
	s.t.Helper()
	program = filepath.Join(s.dir, "baton-next")
	c := exec.Command("go", append([]string{"run", "./next", "-o", program}, flags...)...)
	c.Dir = "../tools"
	if out, err := c.CombinedOutput(); err != nil {
		s.t.Fatalf("building the next version: %v\n%s", err, out)
	}
	return program
}

// Applied takes the digest of every state that the third replica comes to.
func (s *skew) Applied(state *channels.State, _ channels.Change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at[state.Position()] = digest(s.t, state)
}

// Freshness is of no interest.
func (s *skew) Freshness(time.Time) {}

func digest(t *testing.T, state *channels.State) [32]byte {
	hash := sha256.New()
	if err := state.WriteSnapshot(hash); err != nil {
		t.Errorf("digesting the state at %d: %v", state.Position(), err)
	}
	return [32]byte(hash.Sum(nil))
}

// watch opens the third replica.
func (s *skew) watch() {
	s.t.Helper()
	ctx := s.t.Context()
	log, err := s.store.Log(ctx, "demo")
	if err != nil {
		s.t.Fatal(err)
	}
	s.space, err = channels.Open(ctx, channels.Options{
		Name: "demo", Log: log, Snapshots: s.snapshots(), Authority: session.Authority{}, Watcher: s, Logger: natstest.Logger(s.t),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(s.space.Close)
}

func (s *skew) snapshots() channels.Snapshots {
	s.t.Helper()
	snapshots, err := s.store.Snapshots(s.t.Context(), "demo")
	if err != nil {
		s.t.Fatal(err)
	}
	return snapshots
}

// token mints a token for a service.
func (s *skew) token(id string) string {
	s.t.Helper()
	token := session.Token{Space: "demo", ID: id, Secret: "secret-of-" + id}
	if o := s.space.House(s.t.Context(), session.Mint(token, id, []string{"service"})); o.Err != nil {
		s.t.Fatal(o.Err)
	}
	return token.String()
}

// connect connects a Go client of this version to a node.
func (s *skew) connect(p *process, token string) *client.Client {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), hubtest.Patience)
	defer cancel()
	c, err := client.Connect(ctx, client.Options{URL: p.url, Token: token, Logger: natstest.Logger(s.t)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	for _, store := range []string{"notes", "motors"} {
		if err := c.Store(store).Ready(ctx); err != nil {
			s.t.Fatalf("joining %s: %v", store, err)
		}
	}
	return c
}

// compareSnapshot reads the newest snapshot, which the next version wrote, and compares it with what the third replica
// held at its position. It returns that position.
func (s *skew) compareSnapshot(after uint64) (through uint64) {
	s.t.Helper()
	s.until("a snapshot after "+fmt.Sprint(after), func() bool {
		at, data, err := s.snapshots().Newest(s.t.Context())
		if err != nil || at <= after {
			return false
		}
		defer data.Close()
		state, err := channels.ReadSnapshot(data)
		if err != nil {
			s.t.Fatalf("this version reads a snapshot of the next: %v", err)
		}
		through = at
		s.until("the third replica to come there", func() bool { return s.digestAt(at) != [32]byte{} })
		s.unknown(state)
		if digest(s.t, state) != s.digestAt(at) {
			s.t.Fatalf("at %d the state of the next version is another than that of this one", at)
		}
		return true
	})
	return through
}

// unknown fails if the next version did not write what this one does not know: then the test shows nothing.
func (s *skew) unknown(state *channels.State) {
	s.t.Helper()
	if _, ok := state.Get(channels.Ref{Channel: "~weather", Key: "sky"}); !ok {
		s.t.Error("the entries of the next version have nothing new: see tools/next")
	}
	if rules, _ := state.Get(channels.Ref{Channel: channels.SiteStore, Key: "rules"}); !strings.Contains(string(rules.Data), `"later"`) {
		s.t.Errorf("the rules in force are not those of the next version: %s", rules.Data)
	}
}

func (s *skew) digestAt(position uint64) [32]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[position]
}

func (s *skew) until(what string, reached func() bool) {
	s.t.Helper()
	for end := time.Now().Add(hubtest.Patience); !reached(); {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// everything is what a node shows of all channels to a client that comes anew.
func (s *skew) everything(p *process, token string) map[string]wire.Joined {
	s.t.Helper()
	tab := hubtest.OpenToken(s.t, p.url, "look-"+p.url[len(p.url)-5:], token)
	all := map[string]wire.Joined{}
	for name, rules := range tab.Welcome.Channels {
		if rules.Kind == "signal" {
			continue
		}
		var joined wire.Joined
		tab.Do(map[string]any{"type": "join", "channel": name}, "joined", &joined)
		joined.ID, joined.Cursor = 0, ""
		all[name] = joined
	}
	_ = tab.Socket.CloseNow()
	return all
}

func (s *skew) ready(p *process) (status int, detail string) {
	s.t.Helper()
	return hubtest.NewBrowser(s.t).Do(http.MethodGet, p.url+"/readyz", nil, nil)
}

// words are what a process has said.
type words struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write takes some.
func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) contain(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), text)
}

// String is all that was said so far.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
