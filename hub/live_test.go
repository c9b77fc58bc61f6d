package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func TestALiveValueThatIsDeletedIsGoneOnEveryNode(t *testing.T) {
	p := newPair(t, session.Policy{})
	service := hubtest.OpenToken(t, p.one.url, "service-1", p.one.token(t, "beamline"))
	browser, ann := p.one.open(t, "alice")
	_, bob := p.two.open(t, "bob")
	for _, tab := range []*hubtest.Tab{ann, bob} {
		tab.Do(join("motors"), "joined", nil)
	}
	service.Send(frame{"type": "send", "channel": "motors", "set": frame{"omega": 1.5, "phi": 2}})
	for _, tab := range []*hubtest.Tab{ann, bob} {
		shown := map[string]json.RawMessage{}
		for len(shown) < 2 {
			followChange(tab, shown)
		}
	}
	service.Send(frame{"type": "send", "channel": "motors", "delete": []string{"omega"}})
	for _, tab := range []*hubtest.Tab{ann, bob} {
		shown := map[string]json.RawMessage{"omega": nil}
		for len(shown) > 0 {
			followChange(tab, shown)
		}
	}
	for name, url := range map[string]string{"one": p.one.url, "two": p.two.url} {
		var joined wire.Joined
		browser.Open(url, "alice-late-"+name).Do(join("motors"), "joined", &joined)
		if len(joined.Values) != 1 || string(joined.Values["phi"].Value) != "2" {
			t.Errorf("who joins %s later gets %+v", name, joined.Values)
		}
	}
}

// followChange applies the next change to what a tab shows.
func followChange(tab *hubtest.Tab, shown map[string]json.RawMessage) {
	var change wire.Change
	tab.Expect("change", &change)
	for key, value := range change.Set {
		shown[key] = value
	}
	for _, key := range change.Delete {
		delete(shown, key)
	}
}

func TestALiveValueThatDoesNotFitItsSchemaIsRefusedWithThePath(t *testing.T) {
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		for name, schema := range map[string]string{
			"motors":  `{"type":"object","required":["position"],"properties":{"position":{"type":"number"}}}`,
			"cursors": `{"type":"array","items":{"type":"number"},"maxItems":2}`,
		} {
			rules := r.Channels[name]
			rules.Schema = json.RawMessage(schema)
			r.Channels[name] = rules
		}
	}})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	_, ann := n.open(t, "alice")
	ann.Do(join("motors"), "joined", nil)
	ann.Do(join("cursors"), "joined", nil)
	refused := func(request frame) (e wire.Error) {
		t.Helper()
		service.Send(with(request, "id", 80))
		if err := json.Unmarshal(service.Answer(80).Data, &e); err != nil || e.Code != string(channels.CodeSchema) {
			t.Errorf("%v is answered %+v", request, e)
		}
		return e
	}
	e := refused(frame{"type": "send", "channel": "motors", "set": frame{"phi": frame{"position": "up"}, "chi": frame{"position": 1}}})
	if e.More["path"] != "/position" || e.More["channel"] != "motors" || e.More["key"] != "phi" {
		t.Errorf("the refusal says %+v", e.More)
	}
	refused(signal("cursors", []any{1, 2, 3}))
	service.Send(frame{"type": "send", "channel": "motors", "set": frame{"phi": frame{"position": 7}}})
	var change wire.Change
	ann.Expect("change", &change)
	if len(change.Set) != 1 || string(change.Set["phi"]) != `{"position":7}` {
		t.Errorf("of what was refused something arrived: %+v", change)
	}
}

// A sipper is a connection that can be told not to read, and later to read slowly.
type sipper struct {
	net.Conn
	stopped atomic.Bool
	again   chan struct{} // closed when it is to read again, slowly
	sip     int           // bytes a millisecond, then
}

func (s *sipper) Read(p []byte) (int, error) {
	if s.stopped.Load() {
		<-s.again
		p = p[:min(len(p), s.sip)]
		<-time.After(time.Millisecond) // what is tested is a client that takes so much a millisecond
	}
	return s.Conn.Read(p)
}

// dialSipper opens a socket of a browser through a sipper.
func dialSipper(t *testing.T, n *node, b *hubtest.Browser, client string) (*websocket.Conn, *sipper) {
	t.Helper()
	s := &sipper{again: make(chan struct{}), sip: 32}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		s.Conn = conn
		return s, conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	}}
	header := http.Header{"Origin": {n.url}}
	for _, cookie := range b.Cookies(n.url) {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	socket, _, err := hubtest.TryDial(t, n.url, client, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	socket.SetReadLimit(-1)
	t.Cleanup(func() { _ = socket.CloseNow() })
	return socket, s
}

const (
	motors    = 100
	rounds    = 30
	motorTabs = 200
	motorBeat = 100 * time.Millisecond // 10 Hz
)

func motorName(i int) string { return fmt.Sprint("motor", i) }

// watched is what a tab has seen of the motors until all of them stood where they end.
type watched struct {
	values int // that it was sent
	err    error
}

// watchMotors joins the motors, says so, and reads until they stand where they end.
func watchMotors(socket *websocket.Conn, joined chan<- struct{}) (w watched) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*hubtest.Patience)
	defer cancel()
	if w.err = socket.Write(ctx, websocket.MessageText, wire.Encode(&wire.Join{Head: wire.Head{ID: 1}, Channel: "motors"})); w.err != nil {
		joined <- struct{}{}
		return w
	}
	shown, final := map[string]string{}, 0
	for final < motors {
		_, data, err := socket.Read(ctx)
		if err != nil {
			w.err = fmt.Errorf("with %d motors where they end: %w", final, err)
			return w
		}
		var frames []struct {
			Type string
			Set  map[string]json.RawMessage
		}
		if w.err = json.Unmarshal(data, &frames); w.err != nil {
			return w
		}
		for _, f := range frames {
			if f.Type == "joined" {
				joined <- struct{}{}
			}
			w.values += len(f.Set)
			for key, value := range f.Set {
				shown[key] = string(value)
			}
		}
		final = 0
		for _, position := range shown {
			if position == fmt.Sprintf(`{"position":%d,"state":"idle"}`, rounds) {
				final++
			}
		}
	}
	return w
}

// TestTwoHundredTabsWatchAHundredMotors moves 100 motors 10 times a second. Of the tabs one stops to read and then reads
// more slowly than the motors move.
func TestTwoHundredTabsWatchAHundredMotors(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{PerSession: 1000, PerUser: 1000, PerAddress: 1000}, buffer: 4 << 10})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	browser, _ := n.open(t, "alice")
	joined, seen, seenSlowly := make(chan struct{}, motorTabs), make(chan watched, motorTabs), make(chan watched, 1)
	for i := range motorTabs - 1 {
		socket, _ := dialSipper(t, n, browser, fmt.Sprint("alice-", i))
		go func() { seen <- watchMotors(socket, joined) }()
	}
	socket, slow := dialSipper(t, n, browser, "alice-slow")
	go func() { seenSlowly <- watchMotors(socket, joined) }()
	for range motorTabs {
		<-joined
	}
	slow.stopped.Store(true)
	before := heap()

	beat := time.NewTicker(motorBeat)
	defer beat.Stop()
	for round := 1; round <= rounds; round++ {
		state := "moving"
		if round == rounds {
			state = "idle"
		}
		positions := frame{}
		for i := range motors {
			positions[motorName(i)] = json.RawMessage(fmt.Sprintf(`{"position":%d,"state":%q}`, round, state))
		}
		service.Send(frame{"type": "send", "channel": "motors", "set": positions})
		if round == rounds*2/3 {
			close(slow.again)
		}
		<-beat.C
	}
	ended := time.Now()
	least := rounds * motors
	for range motorTabs - 1 {
		w := <-seen
		if w.err != nil {
			t.Fatal(w.err)
		}
		least = min(least, w.values)
	}
	took := time.Since(ended)
	w := <-seenSlowly
	if w.err != nil {
		t.Fatalf("the slow tab: %v", w.err)
	}
	cost := (heap() - before) >> 10
	t.Logf("of %d values a tab was sent %d at least, the slow one %d; the last came %v after the end; %d KiB for %d tabs",
		rounds*motors, least, w.values, took.Round(time.Millisecond), cost, motorTabs)
	if w.values > rounds*motors*8/10 {
		t.Errorf("the slow tab was sent %d of %d values", w.values, rounds*motors)
	}
	if cost > 20<<10 {
		t.Errorf("the tabs cost %d KiB", cost)
	}
}

// TestASlowTabHearsTheNewestSignal lets a tab stop to read while another hears every signal that goes out.
func TestASlowTabHearsTheNewestSignal(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{buffer: 4 << 10, limits: hub.Limits{Signals: 1000}})
	_, ann := n.open(t, "alice")
	browser, bob := n.open(t, "bob")
	socket, slow := dialSipper(t, n, browser, "bob-slow")
	if err := socket.Write(t.Context(), websocket.MessageText, wire.Encode(&wire.Join{Head: wire.Head{ID: 1}, Channel: "cursors"})); err != nil {
		t.Fatal(err)
	}
	bob.Do(join("cursors"), "joined", nil)
	hear(t, ann, bob, "cursors")
	slow.sip = 1 << 10 // it has to have the newest one before that is too old
	slow.stopped.Store(true)
	const most, last = 100, 99
	padding := strings.Repeat("x", 2000)
	for i := range most {
		ann.Send(signal("cursors", []any{i, padding}))
		var s wire.Signal
		for number := []any{-1.0}; number[0] != float64(i); {
			bob.Expect("signal", &s)
			_ = json.Unmarshal(s.Data, &number) // "are you there?" is none
		}
	}
	close(slow.again)
	ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
	defer cancel()
	var sending sync.WaitGroup
	defer sending.Wait()
	over := make(chan struct{})
	defer close(over)
	sending.Go(func() { // on a slow machine the last one may be too old by the time it could be heard
		for number := last + 1; ; number++ {
			select {
			case <-time.After(3 * time.Second):
				ann.Send(signal("cursors", []any{number, ""}))
			case <-over:
				return
			}
		}
	})
	heard, newest := 0, -1
	for newest < last {
		_, data, err := socket.Read(ctx)
		if err != nil {
			t.Fatalf("after %d signals, the last of them %d: %v", heard, newest, err)
		}
		var frames []struct {
			Type string
			Data []json.RawMessage
		}
		_ = json.Unmarshal(data, &frames) // those of other types differ
		for _, f := range frames {
			var number int
			if f.Type != "signal" || len(f.Data) != 2 || json.Unmarshal(f.Data[0], &number) != nil {
				continue
			}
			if number <= newest {
				t.Errorf("%d is heard after %d", number, newest)
			}
			newest = number
			heard++
		}
	}
	t.Logf("of %d signals the slow tab heard %d", most, heard)
	if heard > most/2 {
		t.Errorf("of %d signals the slow tab heard %d", most, heard)
	}
}

func TestALiveValueTellsWhoSentItAndWhen(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	ann.Do(join("motors"), "joined", nil)
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Send(frame{"type": "send", "channel": "motors", "set": frame{"omega": 1}})
	var change wire.Change
	ann.Expect("change", &change)
	if change.By != "service/beamline" {
		t.Errorf("the change is by %q", change.By)
	}
	_, bob := n.open(t, "bob")
	var joined wire.Joined
	bob.Do(join("motors"), "joined", &joined)
	if v := joined.Values["omega"]; v.By != "service/beamline" || time.Since(v.At).Abs() > time.Minute {
		t.Errorf("the value is by %q, of %v", v.By, v.At)
	}
}
