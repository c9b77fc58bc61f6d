package hub_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

// asNode makes this test binary run a node for another test: the space, its policy's Idle, the URLs of NATS and of Redis.
const asNode = "BATON_HUB_TEST_NODE"

// TestANodeForAnotherTest is the process that TestAKilledNode… kills. By itself it tests nothing.
func TestANodeForAnotherTest(t *testing.T) {
	told := strings.Fields(os.Getenv(asNode))
	if len(told) != 4 {
		return
	}
	idle, err := time.ParseDuration(told[1])
	if err != nil {
		t.Fatal(err)
	}
	logins, err := session.OpenRedis(told[3])
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(t, nodeOptions{
		name: "victim-" + told[0], policy: oneSeat(idle), store: natstest.Connect(t, told[2]), logins: logins,
		more: func(o *hub.Options) {
			o.Spaces, o.Ticks = []hub.Site{{Name: told[0]}}, noTicks{} // the survivor's, which knows all spaces
		},
	})
	fmt.Println(n.url)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func oneSeat(idle time.Duration) session.Policy {
	return session.Policy{OtherUser: session.Reject, SameUser: session.Ask, Idle: idle}
}

// A victim is a node in a process of its own, with a proxy to NATS and one to Redis.
type victim struct {
	url         string
	nats, redis *sessiontest.Proxy
	process     *exec.Cmd
	dead        atomic.Bool
}

func (s *stage) newVictim(t *testing.T, space string) *victim {
	t.Helper()
	v := &victim{nats: sessiontest.NewProxy(t, strings.TrimPrefix(s.nats.URL, "nats://")), redis: sessiontest.NewProxy(t, s.redis.Address())}
	v.process = exec.Command(os.Args[0], "-test.run=^TestANodeForAnotherTest$")
	v.process.Env = append(os.Environ(), fmt.Sprintf("%s=%s %v nats://%s redis://%s", asNode, space, s.idle, v.nats.Address, v.redis.Address))
	stdin, err := v.process.StdinPipe() // it ends when this does
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := v.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		v.kill()
		_ = v.process.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && v.url == "" {
		if strings.HasPrefix(lines.Text(), "http://") {
			v.url = lines.Text()
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return v
		}
	}
	t.Fatal("the node did not start")
	return nil
}

func (v *victim) kill() {
	v.dead.Store(true)
	_ = v.process.Process.Kill() // it may be dead already
}

// A death is when a node is killed: when it sends what holds a text to a server, or when the answer to that comes. Neither
// arrives.
type death struct {
	redis  bool // or NATS
	sends  string
	answer string // "": when it sends
}

func (d death) await(v *victim) {
	proxy := v.nats
	if d.redis {
		proxy = v.redis
	}
	var sent atomic.Bool
	proxy.Watch(func(toServer bool, data []byte) (pass bool) {
		switch {
		case v.dead.Load():
			return false
		case toServer && bytes.Contains(data, []byte(d.sends)):
			sent.Store(true)
			if d.answer != "" {
				return true
			}
		case toServer || d.answer == "" || !sent.Load() || !bytes.Contains(data, []byte(d.answer)):
			return true
		}
		v.kill()
		return false
	})
}

// What a node does in the end.
var (
	beforeTheLog    = death{sends: `"~sessions"`}
	beforeTheOthers = death{sends: "relay.farewell"}
	afterTheOthers  = death{sends: "relay.farewell", answer: "they are gone"}
	beforeKeeping   = death{redis: true, sends: "create"}
	afterKeeping    = death{redis: true, sends: "create", answer: ":1\r\n"}
	beforeDropping  = death{redis: true, sends: "baton:login:"}
)

// Each is killed between two steps, in a space of its own. A login session without a tab or a request keeps others out for
// 5 s here: to sign in and open a tab must not take as long.
func TestAKilledNodeLeavesNobodyInNorOut(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		death
		test func(*scene)
	}{
		"signing in, before the log":        {beforeTheLog, (*scene).signingIn},
		"signing in, log | store":           {beforeKeeping, (*scene).signingIn},
		"signing in, store | cookie":        {afterKeeping, (*scene).signingIn},
		"signing out, before the log":       {beforeTheLog, (*scene).signingOutForNothing},
		"signing out, log | store":          {beforeDropping, (*scene).signingOut},
		"signing out, store | other nodes":  {beforeTheOthers, (*scene).signingOut},
		"signing out, other nodes | answer": {afterTheOthers, (*scene).signingOut},
		"replacing, before the log":         {beforeTheLog, (*scene).replacingForNothing},
		"replacing, log | other nodes":      {beforeTheOthers, (*scene).replacing},
		"replacing, other nodes | store":    {beforeKeeping, (*scene).replacing},
		"replacing, store | cookie":         {afterKeeping, (*scene).replacing},
	}
	s := newStage(t, 5*time.Second, len(cases))
	t.Run("between", func(t *testing.T) { // ends when they all have
		next := 0
		for name, c := range cases {
			space := s.spaces[next].Name
			next++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c.test(s.scene(t, space, c.death))
			})
		}
	})
}

// Who was signed in by a node that died before they got their cookie replaces that login session. It takes as long as
// others give a node that may still be there.
func TestANodeKilledBeforeTheCookieHoldsUpItsPersonForItsLeaseAtMost(t *testing.T) {
	t.Parallel()
	s := newStage(t, time.Hour, 1)
	scene := s.scene(t, s.spaces[0].Name, afterKeeping)
	cookie, tab := scene.aliceHolds()
	scene.dies("POST", nil, scene.credentials("alice", true))
	scene.ended(cookie, tab, wire.CloseReplaced)
	scene.wants("bob", http.StatusConflict, "POST", nil, scene.credentials("bob", false))
	began := time.Now()
	again := scene.wants("alice, again", http.StatusOK, "POST", nil, scene.credentials("alice", true))
	if took := time.Since(began); took > hubtest.Patience {
		t.Errorf("it took %v", took)
	}
	scene.wants("her new cookie", http.StatusOK, "GET", again.Cookies()[0], "")
	scene.wants("her old cookie", http.StatusUnauthorized, "GET", cookie, "")
	scene.wants("signing out", http.StatusNoContent, "DELETE", again.Cookies()[0], "")
	scene.wants("bob", http.StatusOK, "POST", nil, scene.credentials("bob", false))
}

// A stage has what scenes share: the servers, and the node that lives.
type stage struct {
	nats     *natstest.Server
	redis    *sessiontest.Server
	idle     time.Duration
	spaces   []hub.Site
	survivor *node
}

func newStage(t *testing.T, idle time.Duration, spaces int) *stage {
	t.Helper()
	s := &stage{nats: natstest.External(t), redis: sessiontest.Redis(t), idle: idle}
	logins, err := session.OpenRedis(s.redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logins.Close() })
	for n := range spaces {
		s.spaces = append(s.spaces, hub.Site{Name: fmt.Sprintf("lab%d", n)})
	}
	s.survivor = newNode(t, nodeOptions{
		name: "survivor", policy: oneSeat(idle), store: natstest.Connect(t, s.nats.URL), logins: logins,
		more: func(o *hub.Options) { o.Spaces = s.spaces },
	})
	return s
}

func (s *stage) scene(t *testing.T, space string, d death) *scene {
	return &scene{
		t: t, space: space, death: d, survivor: s.survivor, victim: s.newVictim(t, space),
		client: &http.Client{Timeout: 2 * hubtest.Patience},
	}
}

// A scene is a space of which alice holds the only seat, or asks for it, with a node that is about to die and one that is
// not.
type scene struct {
	t        *testing.T
	space    string
	death    death
	survivor *node
	victim   *victim
	client   *http.Client
}

func (s *scene) credentials(user string, replace bool) string {
	return fmt.Sprintf(`{"space":%q,"user":%q,"password":%q,"replace":%v}`, s.space, user, user, replace)
}

// dies makes the request in which the node is killed: nothing comes back. On a busy machine the node may ask to try again
// before it gets there.
func (s *scene) dies(method string, cookie *http.Cookie, body string) {
	s.t.Helper()
	s.death.await(s.victim)
	answer, err := s.ask(s.victim.url, method, cookie, body)
	if err == nil || !s.victim.dead.Load() {
		s.t.Fatalf("the node lives, and has answered %+v, %v", answer, err)
	}
}

// ask makes a request, again if a node that is busy says so.
func (s *scene) ask(node, method string, cookie *http.Cookie, body string) (answer *http.Response, err error) {
	for late := time.Now().Add(hubtest.Patience); ; {
		var content io.Reader
		if body != "" {
			content = strings.NewReader(body)
		}
		answer, err = exchange(s.client, method, node+"/api/v1/session", cookie, content)
		if err != nil || answer.StatusCode != http.StatusServiceUnavailable || time.Now().After(late) {
			return answer, err
		}
	}
}

// wants makes a request to the other node.
func (s *scene) wants(what string, status int, method string, cookie *http.Cookie, body string) *http.Response {
	s.t.Helper()
	answer, err := s.ask(s.survivor.url, method, cookie, body)
	if err != nil || answer.StatusCode != status {
		s.t.Fatalf("%s: %+v, %v", what, answer, err)
	}
	return answer
}

// bobGetsIn is the next login, of another person.
func (s *scene) bobGetsIn() {
	s.t.Helper()
	until(s.t, "bob gets in", func() bool {
		answer, err := exchange(s.client, "POST", s.survivor.url+"/api/v1/session", nil, strings.NewReader(s.credentials("bob", false)))
		return err == nil && answer.StatusCode == http.StatusOK
	})
}

// aliceHolds signs alice in, with a tab, on the node that lives; the other one has heard of that.
func (s *scene) aliceHolds() (cookie *http.Cookie, tab *hubtest.Tab) {
	s.t.Helper()
	alice := hubtest.NewBrowser(s.t)
	alice.SignIn(s.survivor.url, s.space, "alice")
	tab = alice.Open(s.survivor.url, "alice-tab")
	other := alice.Open(s.victim.url, "alice-tab2")
	here, there := wire.Presence{Members: tab.Welcome.Presence}, wire.Presence{Members: other.Welcome.Presence}
	for !connected(there, 2) {
		other.Expect("presence", &there)
	}
	for !connected(here, 2) {
		tab.Expect("presence", &here)
	}
	_ = other.Socket.CloseNow()
	for !connected(here, 1) {
		tab.Expect("presence", &here)
	}
	return alice.Cookies(s.survivor.url)[0], tab
}

// connected reports whether one person is there, with so many tabs.
func connected(p wire.Presence, tabs int) bool {
	return len(p.Members) == 1 && p.Members[0].Connections == tabs
}

func (s *scene) signingIn() {
	s.dies("POST", nil, s.credentials("alice", false))
	s.bobGetsIn()
}

func (s *scene) signingOut() {
	cookie, tab := s.aliceHolds()
	s.dies("DELETE", cookie, "")
	s.ended(cookie, tab, wire.CloseSignedOut)
	s.bobGetsIn()
}

func (s *scene) signingOutForNothing() {
	cookie, tab := s.aliceHolds()
	s.dies("DELETE", cookie, "")
	s.goesOn(cookie, tab)
	s.bobGetsIn()
	s.wants("alice's cookie", http.StatusUnauthorized, "GET", cookie, "")
}

func (s *scene) replacing() {
	cookie, tab := s.aliceHolds()
	s.dies("POST", nil, s.credentials("alice", true))
	s.ended(cookie, tab, wire.CloseReplaced)
	s.bobGetsIn()
}

func (s *scene) replacingForNothing() {
	cookie, tab := s.aliceHolds()
	s.dies("POST", nil, s.credentials("alice", true))
	s.goesOn(cookie, tab)
	s.bobGetsIn()
	s.wants("alice's cookie", http.StatusUnauthorized, "GET", cookie, "")
}

// ended checks that alice's login session has.
func (s *scene) ended(cookie *http.Cookie, tab *hubtest.Tab, code int) {
	s.t.Helper()
	if got := tab.Ended(); int(got) != code {
		s.t.Errorf("her tab on the other node was closed with %d, not %d", got, code)
	}
	s.wants("alice's cookie", http.StatusUnauthorized, "GET", cookie, "")
}

// goesOn checks that alice's login session does, and then lets her go without a word.
func (s *scene) goesOn(cookie *http.Cookie, tab *hubtest.Tab) {
	s.t.Helper()
	s.wants("alice's cookie", http.StatusOK, "GET", cookie, "")
	tab.Do(frame{"type": "ping"}, "pong", nil)
	_ = tab.Socket.CloseNow()
}
