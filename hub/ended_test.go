package hub_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/sessiontest"
)

const logouts = 1000

func TestNoRequestInFlightBringsALoginSessionBack(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, *natslog.Store) session.Store{
		"Redis": func(t *testing.T, _ *natslog.Store) session.Store {
			store, err := session.OpenRedis(sessiontest.Redis(t).URL)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			return store
		},
		"embedded": func(t *testing.T, nats *natslog.Store) session.Store {
			bucket, err := nats.KV(t.Context(), "sessions")
			if err != nil {
				t.Fatal(err)
			}
			return session.NewKVStore(bucket, natslog.ErrNotFound, natslog.ErrRevision)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nats := natstest.Embedded(t)
			e := newEndings(t, nats, open(t, nats))
			if back := e.run(t, logouts); back > 0 {
				t.Errorf("%d of %d ended login sessions are back", back, logouts)
			}
		})
	}
}

func TestAStoreThatForgetsWhatEndedIsCaught(t *testing.T) {
	t.Parallel()
	e := newEndings(t, natstest.Embedded(t), &forgetful{kept: map[string][]byte{}})
	if back := e.run(t, 20); back == 0 {
		t.Error("none came back: the requests in flight prove nothing")
	}
}

// A forgetful store writes what it is told to, as those do that come with scs: it does not know what has ended.
type forgetful struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (s *forgetful) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.kept[token]
	return data, ok, nil
}

func (s *forgetful) CommitCtx(_ context.Context, token string, data []byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[token] = data
	return nil
}

func (s *forgetful) DeleteCtx(_ context.Context, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, token)
	return nil
}

func (s *forgetful) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s *forgetful) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

func (s *forgetful) Commit(token string, data []byte, until time.Time) error {
	return s.CommitCtx(context.Background(), token, data, until)
}

// endings are two nodes on one store, where login sessions end while requests are in flight.
type endings struct {
	one, two *node
	store    session.Store
	client   *http.Client
	cursor   string   // where the chat ends, in which nothing is ever said
	seen     sync.Map // hash of a token → chan []byte: what node two found for it, once
	kept     sync.Map // hash of a token that the store could not be told of in time: the log alone has ended it
}

func newEndings(t *testing.T, nats *natslog.Store, store session.Store) *endings {
	e := &endings{store: store, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}, Timeout: 2 * hubtest.Patience}}
	t.Cleanup(e.client.CloseIdleConnections)
	policy := session.Policy{SameUser: session.Join}
	silent := func(o *hub.Options) { o.Logger = nil }
	e.one = newNode(t, nodeOptions{name: "one", store: nats, logins: dropping{store, e}, policy: policy, more: silent})
	e.two = newNode(t, nodeOptions{name: "two", store: nats, logins: seeing{store, e}, policy: policy, more: silent})
	var chat struct{ Cursor string }
	e.two.user(t, "bob").Request("GET", e.two.channel("chat"), "").Into(http.StatusOK, &chat)
	e.cursor = chat.Cursor
	return e
}

// seeing is the store as node two uses it: it tells what a request has found, and so that it is in flight.
type seeing struct {
	session.Store
	*endings
}

func (s seeing) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	data, found, err := s.Store.FindCtx(ctx, token)
	if c, ok := s.seen.LoadAndDelete(token); ok && found {
		c.(chan []byte) <- data
	}
	return data, found, err
}

// dropping is the store as node one uses it: it notes what it could not drop.
type dropping struct {
	session.Store
	*endings
}

func (d dropping) DeleteCtx(ctx context.Context, token string) error {
	err := d.Store.DeleteCtx(ctx, token)
	if err != nil {
		d.kept.Store(token, err)
	}
	return err
}

// run ends login sessions, some at once, and counts those that were there afterwards. A sign-out that a busy machine held up
// for longer than the hub is patient tells nothing.
func (e *endings) run(t *testing.T, times int) (back int) {
	var running sync.WaitGroup
	results := make(chan error, times)
	slots := make(chan struct{}, 16)
	for i := range times {
		slots <- struct{}{}
		running.Go(func() {
			results <- e.end(t, i)
			<-slots
		})
	}
	running.Wait()
	close(results)
	heldUp := 0
	for err := range results {
		switch {
		case errors.Is(err, errBack):
			back++
		case errors.Is(err, errHeldUp):
			heldUp++
		case err != nil:
			t.Error(err)
		}
	}
	if heldUp > times/2 {
		t.Errorf("%d of %d sign-outs were held up", heldUp, times)
	}
	return back
}

var (
	errBack   = errors.New("the login session came back")
	errHeldUp = errors.New("the sign-out was held up")
)

// end signs somebody in and out again, on node one, while a request of theirs is in flight on node two.
func (e *endings) end(t *testing.T, i int) error {
	signedIn, err := e.signIn()
	if err != nil {
		return err
	}
	cookie := signedIn.Cookies()[0]
	sum := sha256.Sum256([]byte(cookie.Value))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	seen := make(chan []byte, 1)
	e.seen.Store(hash, seen)

	slow := e.slow(i, cookie)
	var found []byte
	select {
	case found = <-seen:
	case <-time.After(hubtest.Patience):
		return errors.New("the request in flight was not")
	}
	// What the request has found it writes back, at any time.
	until := time.Now().Add(2 * time.Hour)
	var writing sync.WaitGroup
	writing.Go(func() { _ = e.store.CommitCtx(t.Context(), hash, found, until) })
	status, err := e.signOut(cookie)
	writing.Wait()
	renewed, overtaken := slow()
	if errors.Is(overtaken, errHeldUp) {
		return errHeldUp
	}
	if status == http.StatusUnauthorized && renewed != nil { // the token was renewed first; the login session goes on with it
		status, err = e.signOut(renewed)
	}
	if status == http.StatusServiceUnavailable {
		return errHeldUp
	}
	if err = errors.Join(err, overtaken); err != nil || status != http.StatusNoContent {
		return fmt.Errorf("signing out: %d, %w", status, err)
	}
	_ = e.store.CommitCtx(t.Context(), hash, found, until.Add(time.Hour)) // ErrEnded, from a store that knows

	for _, c := range []*http.Cookie{cookie, renewed} {
		for _, n := range []*node{e.one, e.two} {
			if c == nil {
				continue
			}
			if err := e.wantEnded(n, c); err != nil {
				return err
			}
		}
	}
	_, there, err := e.store.FindCtx(t.Context(), hash)
	for tries := 0; err != nil && tries < 10; tries++ { // nobody knows: that takes as long as the store is waited for
		_, there, err = e.store.FindCtx(t.Context(), hash)
	}
	if _, kept := e.kept.Load(hash); there && kept { // where it finds nothing, see above
		return errHeldUp
	}
	if there {
		return errBack
	}
	return err
}

// wantEnded asks a node who somebody is, again while it cannot know.
func (e *endings) wantEnded(n *node, cookie *http.Cookie) error {
	for late := time.Now().Add(hubtest.Patience); ; {
		answer, err := e.ask("GET", n.url+"/api/v1/session", cookie, nil)
		switch {
		case err != nil:
			return err
		case answer.StatusCode == http.StatusUnauthorized:
			return nil
		case answer.StatusCode == http.StatusOK:
			return errBack
		case time.Now().After(late):
			return fmt.Errorf("who somebody is is answered %d", answer.StatusCode)
		}
	}
}

// signIn goes on trying, as people do: on a busy machine it may take longer than a sign-in has patience.
func (e *endings) signIn() (answer *http.Response, err error) {
	for late := time.Now().Add(hubtest.Patience); ; {
		answer, err = e.ask("POST", e.one.url+"/api/v1/session", nil, strings.NewReader(`{"space":"lab","user":"alice","password":"alice"}`))
		switch {
		case err == nil && answer.StatusCode == http.StatusOK:
			return answer, nil
		case err != nil || answer.StatusCode != http.StatusServiceUnavailable || time.Now().After(late):
			return nil, fmt.Errorf("signing in: %+v, %w", answer, err)
		}
	}
}

func (e *endings) signOut(cookie *http.Cookie) (status int, err error) {
	answer, err := e.ask("DELETE", e.one.url+"/api/v1/session", cookie, nil)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, nil
}

func (e *endings) ask(method, url string, cookie *http.Cookie, body io.Reader) (*http.Response, error) {
	return exchange(e.client, method, url, cookie, body)
}

// exchange makes a request with a cookie, nil for none; what is in the answer is of no interest.
func exchange(client *http.Client, method, url string, cookie *http.Cookie, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	if cookie != nil {
		r.Header.Set("Cookie", cookie.Name+"="+cookie.Value)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, response.Body) // an event stream ends with an error when it is cut
	return response, response.Body.Close()
}

// slow starts a request on node two. What it returns lets the request end, and returns the cookie that it brought, if any,
// or that something came of it that should not have.
func (e *endings) slow(i int, cookie *http.Cookie) (end func() (renewed *http.Cookie, overtaken error)) {
	type answer struct {
		*http.Response
		error
	}
	answered := make(chan answer, 1)
	begin := func(method, path string, body io.Reader) {
		go func() {
			response, err := e.ask(method, e.two.url+path, cookie, body)
			answered <- answer{response, err}
		}()
	}
	refused := func(what string) error {
		a := <-answered
		if a.error == nil && a.StatusCode == http.StatusServiceUnavailable {
			return errHeldUp
		}
		if a.error != nil || a.StatusCode != http.StatusUnauthorized {
			return fmt.Errorf("%s came to %+v, %v", what, a.Response, a.error)
		}
		return nil
	}
	switch i % 4 {
	case 0:
		begin("GET", "/api/v1/spaces/lab/channels/chat?wait=20s&since="+e.cursor, nil)
		return func() (*http.Cookie, error) { return nil, refused("a long poll") }
	case 1:
		begin("GET", "/api/v1/spaces/lab/events?channels=notes", nil)
		return func() (*http.Cookie, error) { return nil, (<-answered).error } // it ends
	case 2:
		body, more := io.Pipe()
		begin("PUT", fmt.Sprintf("/api/v1/spaces/lab/channels/notes/k%d", i), body)
		go func() { _, _ = io.WriteString(more, `{"half":`) }()
		return func() (*http.Cookie, error) {
			_, _ = io.WriteString(more, `1}`)
			_ = more.Close()
			return nil, refused("a write whose body came slowly")
		}
	}
	begin("POST", "/api/v1/session/confirm", strings.NewReader(`{"password":"alice"}`)) // which renews the token
	return func() (*http.Cookie, error) {
		a := <-answered
		switch {
		case a.error == nil && a.StatusCode == http.StatusServiceUnavailable: // perhaps it was renewed
			return nil, errHeldUp
		case a.error != nil || a.StatusCode != http.StatusOK:
			return nil, a.error
		}
		return a.Cookies()[0], nil
	}
}
