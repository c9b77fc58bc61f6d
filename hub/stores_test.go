package hub_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A brokenStore is a store of login sessions that is down on demand.
type brokenStore struct {
	session.Store
	down atomic.Bool
}

var errDown = errors.New("the store is down")

func (s *brokenStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if s.down.Load() {
		return nil, false, errDown
	}
	return s.Store.FindCtx(ctx, token)
}

func (s *brokenStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if s.down.Load() {
		return errDown
	}
	return s.Store.CommitCtx(ctx, token, b, expiry)
}

func (s *brokenStore) DeleteCtx(ctx context.Context, token string) error {
	if s.down.Load() {
		return errDown
	}
	return s.Store.DeleteCtx(ctx, token)
}

func newBrokenNode(t *testing.T) (*node, *brokenStore) {
	t.Helper()
	store := natstest.Embedded(t)
	bucket, err := store.KV(t.Context(), "sessions")
	if err != nil {
		t.Fatal(err)
	}
	s := &brokenStore{Store: session.NewKVStore(bucket, natslog.ErrNotFound, natslog.ErrRevision)}
	return newNode(t, nodeOptions{store: store, logins: s}), s
}

func TestSigningOutWorksWhileTheStoreIsDown(t *testing.T) {
	n, store := newBrokenNode(t)
	b, tab := n.open(t, "alice")
	store.down.Store(true)
	tab.Do(write("notes", "k", 1), "written", nil) // open sockets go on
	if status, _ := b.Do("GET", n.url+"/api/v1/session", nil, nil); status != http.StatusServiceUnavailable {
		t.Errorf("a request with a cookie is answered %d", status)
	}
	if status, answer := b.Do("DELETE", n.url+"/api/v1/session", nil, nil); status != http.StatusNoContent {
		t.Errorf("signing out is answered %d %s", status, answer)
	}
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("the socket was closed with %d", code)
	}
}

func TestASignInThatFailsLeavesTheCookieThatWorked(t *testing.T) {
	n, store := newBrokenNode(t)
	b, ann := n.open(t, "alice")
	ann.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	store.down.Store(true)
	again := map[string]string{"space": "lab", "user": "alice", "password": "alice"}
	if status, _ := b.Do("POST", n.url+"/api/v1/session", again, nil); status != http.StatusServiceUnavailable {
		t.Errorf("signing in while the store is down is answered %d", status)
	}
	store.down.Store(false)
	until(t, "the cookie that was good is good", func() bool {
		status, _ := b.Do("GET", n.url+"/api/v1/session", nil, nil)
		return status == http.StatusOK
	})
	b.SignIn(n.url, "lab", "alice")
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(s *channels.State) {
		if all := session.All(s); len(all) != 1 || !session.ReadSeat(s).HeldBy(all[0].ID) {
			t.Errorf("in one browser alice has the login sessions %+v, the seat is %+v", all, session.ReadSeat(s))
		}
	})
}

func TestASocketOfAReplacedTokenIsClosed(t *testing.T) {
	n := newNode(t, nodeOptions{})
	token := n.token(t, "beamline")
	old := hubtest.OpenToken(t, n.url, "service-1", token)
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	another := session.Token{Space: "lab", ID: "beamline", Secret: "another"}
	if o := space.House(t.Context(), session.Mint(another, "beamline", []string{"service"})); o.Err != nil {
		t.Fatal(o.Err)
	}
	if code := old.Ended(); code != wire.CloseSignedOut {
		t.Errorf("it was closed with %d", code)
	}
	_, response, err := hubtest.TryDial(t, n.url, "service-2", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err == nil || response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a new socket with the old secret: %v", err)
	}
}

func TestTheBodyOfASignInIsReadStrictly(t *testing.T) {
	n := newNode(t, nodeOptions{})
	for body, want := range map[string]int{
		`{"space":"lab","user":"alice","password":"alice"}`:              http.StatusOK,
		`{"SPACE":"lab","User":"alice","password":"alice"}`:              http.StatusBadRequest,
		`{"space":"lab","user":"bob","user":"alice","password":"alice"}`: http.StatusBadRequest,
		`{"space":"lab","user":"alice","password":"alice"}}]`:            http.StatusBadRequest,
		`{"space":"lab","user":"alice","password":"alice","extra":"x"}`:  http.StatusBadRequest,
		`{"space":"lab","user":"alice"}`:                                 http.StatusBadRequest,
		`{"space":"lab","user":["alice"],"password":"alice"}`:            http.StatusBadRequest,
		`["space"]`: http.StatusBadRequest,
		``:          http.StatusBadRequest,
		`{"space":"lab","user":"alice","password":"` + strings.Repeat("x", 5000) + `"}`: http.StatusRequestEntityTooLarge,
	} {
		r, err := http.Post(n.url+"/api/v1/session", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("%.80s is answered %d, not %d", body, r.StatusCode, want)
		}
	}
}

func TestALiveValueThatIsNotJSONHarmsNobody(t *testing.T) {
	store := natstest.Embedded(t)
	n := newNode(t, nodeOptions{store: store})
	_, ann := n.open(t, "alice")
	ann.Do(join("motors"), "joined", nil)
	live, err := store.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{`{`, `1`, ``} {
		if err := live.Publish(t.Context(), channels.LiveValue{LiveKey: channels.LiveKey{Space: "lab", Channel: "motors", Key: "x"}, Data: []byte(data)}, 0); err != nil {
			t.Fatal(err)
		}
		if data == `1` {
			ann.Expect("change", nil)
		}
	}
	var gone wire.Change
	ann.Expect("change", &gone)
	if len(gone.Delete) != 1 || gone.Delete[0] != "x" {
		t.Errorf("the value that is gone came as %+v", gone)
	}
}

func TestASocketCarriesTheOperationsOfTheOtherTabsOfItsUserOnce(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	var first, again, moved wire.Written
	ann.Do(with(write("notes", "k", 1), "op", "other-tab-1.1"), "written", &first)
	ann.Do(with(write("notes", "k", 2), "op", "other-tab-2.1"), "written", &moved)
	ann.Do(with(write("notes", "k", 1), "op", "other-tab-1.1"), "written", &again)
	if again.Position != first.Position || moved.Position <= first.Position {
		t.Errorf("committed at %d and %d, and repeated at %d", first.Position, moved.Position, again.Position)
	}
	bob.Refused(with(write("notes", "k", 3), "op", "other-tab-1.2"), "invalid")
	bob.Refused(with(write("notes", "k", 3), "op", ann.Client+".7"), "invalid")
	ann.Do(with(write("notes", "k", 4), "op", ann.Client+".7"), "written", nil)
	ann.Refused(frame{"type": "lock", "name": "robot", "op": "other-tab-1.2"}, "invalid")
}

func TestAChannelIsJoinedOnce(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	ann.Do(join("notes"), "joined", nil)
	ann.Refused(join("notes"), "invalid") // each answer holds all of it
}
