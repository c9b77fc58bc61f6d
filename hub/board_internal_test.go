package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// everything is a filter that wants all.
func everything(*posted) bool { return true }

func TestASlowReaderGetsTheNewestSignalOfEachSender(t *testing.T) {
	b := newBoard()
	f := feed{channel: "cursors"}
	for i := range 100 {
		for _, client := range []string{"a", "b", "c"} {
			b.signal(f, "alice", client, fmt.Appendf(nil, "%s%d", client, i))
		}
	}
	_, signals, clock := b.since(0, everything, everything)
	var got []string
	for _, s := range signals {
		got = append(got, string(s.data))
	}
	if want := []string{"a99", "b99", "c99"}; !slices.Equal(got, want) {
		t.Errorf("it gets %v, not %v", got, want)
	}
	if _, signals, _ := b.since(clock, everything, everything); len(signals) > 0 {
		t.Errorf("and then again %v", signals)
	}
}

func TestNobodyGetsASignalThatIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		f := feed{channel: "cursors"}
		b.signal(f, "alice", "alice-1", []byte("old"))
		time.Sleep(signalLife / 2)
		b.signal(f, "bob", "bob-1", []byte("new"))
		time.Sleep(signalLife / 2)
		if _, signals, _ := b.since(0, everything, everything); len(signals) != 1 || string(signals[0].data) != "new" {
			t.Errorf("somebody gets %d signals, the first is %q", len(signals), signals[0].data)
		}
		b.prune(time.Now(), func(string) bool { return false })
		if b.signals.order.Len() != 1 {
			t.Errorf("%d signals are kept", b.signals.order.Len())
		}
		b.prune(time.Now(), func(client string) bool { return client == "bob-1" })
		if b.signals.order.Len() != 0 || b.signals.bytes != 0 || len(b.signals.byKey) != 0 {
			t.Errorf("of a sender that is gone there is still %+v", b.signals)
		}
	})
}

func TestSignalsTakeABoundedAmountOfMemory(t *testing.T) {
	b := newBoard()
	big := []byte(strings.Repeat("x", 64<<10))
	for i := range 1000 {
		b.signal(feed{channel: "cursors"}, "alice", fmt.Sprint("client-", i), big)
	}
	if b.signals.bytes > signalBytes {
		t.Errorf("the signals take %d bytes", b.signals.bytes)
	}
	_, signals, _ := b.since(0, everything, everything)
	if last := signals[len(signals)-1]; last.sender != "client-999" {
		t.Errorf("the newest is of %s", last.sender)
	}
}

func TestWhoLooksAfterNewsOfGoneValuesWereForgottenIsTold(t *testing.T) {
	b := newBoard()
	f := feed{channel: "motors"}
	b.set(f, "x", wire.Value{Value: []byte("1")})
	_, _, early := b.since(0, everything, everything)
	b.set(f, "x", wire.Value{})
	b.set(feed{channel: "other"}, "x", wire.Value{Value: []byte("1")})
	if values, _, _ := b.since(early, everything, everything); len(values) != 2 || b.missed(f, early) {
		t.Errorf("that x is gone comes as %v, %v", values, b.missed(f, early))
	}
	b.prune(time.Now().Add(goneLife), func(string) bool { return false })
	if !b.missed(f, early) {
		t.Error("who has seen x believes in it for ever")
	}
	if b.missed(f, b.now()) {
		t.Error("who has seen that it is gone gets everything anew")
	}
	if b.missed(feed{channel: "other"}, early) {
		t.Error("who looks at another store gets everything anew")
	}
	b.set(feed{channel: "other"}, "x", wire.Value{})
	b.prune(time.Now().Add(goneLife), func(string) bool { return false })
	if len(b.values.byKey) != 0 {
		t.Errorf("it is remembered for ever: %v", b.values.byKey)
	}
}

// set is a change of a live store that sets keys to data.
func set(data []byte, keys ...string) map[string]json.RawMessage {
	set := map[string]json.RawMessage{}
	for _, key := range keys {
		set[key] = data
	}
	return set
}

func TestALiveStoreHasABoundedNumberOfKeys(t *testing.T) {
	b := newBoard()
	f := feed{channel: "motors"}
	one := []byte("1")
	for i := range maxLiveKeys {
		b.set(f, fmt.Sprint(i), wire.Value{Value: one})
	}
	if err := b.room(f, set(one, "0", "1"), []string{"2"}); err != nil {
		t.Errorf("keys that are there are refused: %v", err)
	}
	if err := b.room(f, set(one, "another"), nil); !channels.IsCode(err, channels.CodeTooLarge) {
		t.Errorf("another one is answered %v", err)
	}
	if err := b.room(f, set(one, "another"), []string{"0"}); err != nil {
		t.Errorf("one in the place of another is refused: %v", err)
	}
	if err := b.room(feed{channel: "other"}, set(one, "another"), nil); err != nil {
		t.Errorf("another store has no room: %v", err)
	}
}

func TestALiveStoreThatIsFullHasRoomForWhatTakesThePlaceOfDeletedKeys(t *testing.T) {
	b := newBoard()
	f := feed{channel: "motors"}
	one := []byte("1")
	for i := range maxLiveKeys {
		b.set(f, fmt.Sprint("k", i), wire.Value{Value: one})
	}
	for i := range 100 {
		b.set(f, fmt.Sprint("k", i), wire.Value{}) // deleted, as the refusal advises
	}
	if err := b.room(f, set(one, "new"), nil); err != nil {
		t.Error(err)
	}
	for i := range 2 * maxLiveKeys {
		key := fmt.Sprint("sample-", i)
		if b.room(f, set(one, key), nil) != nil {
			break
		}
		b.set(f, key, wire.Value{Value: one})
		if b.room(f, nil, []string{key}) != nil {
			break
		}
		b.set(f, key, wire.Value{})
	}
	if n := b.values.sizes[f]; n.gone != maxLiveKeys {
		t.Errorf("%d keys that are gone are remembered", n.gone)
	}
	if err := b.room(f, nil, []string{"one more"}); err == nil || !strings.Contains(err.Error(), "minute") {
		t.Errorf("one more is answered %v, and not how long to wait", err)
	}
	b.prune(time.Now().Add(goneLife), func(string) bool { return false })
	if err := b.room(f, nil, []string{"one more"}); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestTheValuesOfALiveStoreTakeABoundedAmountOfMemory(t *testing.T) {
	b := newBoard()
	f := feed{channel: "motors"}
	big := make([]byte, 64<<10)
	var err error
	n := 0
	for ; n < maxLiveKeys; n++ {
		key := fmt.Sprint("k", n)
		if err = b.room(f, set(big, key), nil); err != nil {
			break
		}
		b.set(f, key, wire.Value{Value: big})
	}
	if !channels.IsCode(err, channels.CodeTooLarge) || b.values.bytes != maxLiveBytes || n != maxLiveBytes/len(big) {
		t.Fatalf("%d values of %d bytes went in, then %v", n, b.values.bytes, err)
	}
	if err := b.room(f, set(big[1:], "k0"), nil); err != nil {
		t.Errorf("a smaller value in the place of another is refused: %v", err)
	}
	if err := b.room(f, set(big, "new"), []string{"k0"}); err != nil {
		t.Errorf("one in the place of another is refused: %v", err)
	}
	for i := range n {
		b.set(f, fmt.Sprint("k", i), wire.Value{})
	}
	b.prune(time.Now().Add(goneLife), func(string) bool { return false })
	if len(b.values.sizes) != 0 || b.values.bytes != 0 {
		t.Errorf("of nothing there are %+v, %d bytes", b.values.sizes, b.values.bytes)
	}
}

// A node that was cut off hears what is there now, and of nothing that went away meanwhile.
func TestWhatTheLiveValuesDoNotBringAgainIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		f, other := feed{channel: "motors"}, feed{channel: "other"}
		b.followed()
		b.set(f, "stays", wire.Value{Value: []byte("1")})
		b.set(f, "goes", wire.Value{Value: []byte("1")})
		b.set(other, "stays", wire.Value{Value: []byte("1")})
		b.current()
		time.Sleep(followTime)
		if changed := b.settle(time.Now()); len(changed) > 0 {
			t.Errorf("what the only follow has brought is gone from %v", changed)
		}
		b.followed()
		b.set(f, "stays", wire.Value{Value: []byte("1")})
		b.set(other, "stays", wire.Value{Value: []byte("1")})
		time.Sleep(time.Hour)
		if changed := b.settle(time.Now()); len(changed) > 0 {
			t.Errorf("before all has come values are gone from %v", changed)
		}
		b.current()
		clock := b.now()
		if changed := b.settle(time.Now()); len(changed) > 0 {
			t.Errorf("before anybody could send again values are gone from %v", changed)
		}
		time.Sleep(followTime)
		if changed := b.settle(time.Now()); len(changed) != 1 || !changed[f] {
			t.Errorf("values are gone from %v", changed)
		}
		if values, _ := b.all(f); len(values) != 1 || values["stays"].Value == nil {
			t.Errorf("there are %v", values)
		}
		if values, _, _ := b.since(clock, everything, everything); len(values) != 1 || values[0].key != "goes" || len(values[0].data) != 0 {
			t.Errorf("who looks is told %v", values)
		}
	})
}

func TestWhoHasLeftIsForgottenInTheEnd(t *testing.T) {
	p := newPresence("one")
	now := time.Now()
	p.hear("two", []attendant{{Client: "a"}, {Client: "b"}}, now)
	p.hear("two", []attendant{{Client: "b"}}, now)
	if gone := p.gone(now, callGrace); len(gone) != 1 || !gone["a"] {
		t.Errorf("gone are %v", gone)
	}
	if p.gone(now.Add(callGrace), callGrace); len(p.left) != 0 {
		t.Errorf("it still knows of %v", p.left)
	}
}

// published keeps what a hub publishes.
type published struct{ signals [][]byte }

func (p *published) Publish(_ context.Context, _ string, data []byte) error {
	p.signals = append(p.signals, data)
	return nil
}

func (*published) Follow(context.Context, func(string, []byte)) error { return nil }

// signaller is a connection that sends signals.
func signaller(t *testing.T) (*conn, *published) {
	t.Helper()
	p := &published{}
	h := &Hub{}
	h.options.Limits = h.options.Limits.Filled()
	h.options.Signals = p
	c := &conn{room: &room{hub: h, name: "lab"}, client: "alice-1", wake: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.outbox = newOutbox(c)
	return c, p
}

func TestSignalsGoOutThirtyTimesASecondAndTheNewestAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := signaller(t)
		for i := range 1000 { // a second of a mouse that is polled at 1 kHz
			c.outbox.offer("cursors", fmt.Appendf(nil, "%d", i))
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if n := len(p.signals); n < 25 || n > 31 {
			t.Errorf("%d went out within a second", n)
		}
		time.Sleep(c.outbox.every)
		if last := p.signals[len(p.signals)-1]; string(last) != "999" {
			t.Errorf("the last that went out is %s", last)
		}
		n := len(p.signals)
		time.Sleep(time.Second)
		if len(p.signals) != n {
			t.Error("something goes out that nobody sends")
		}
		c.outbox.offer("cursors", []byte("a"))
		c.outbox.offer("other", []byte("b"))
		if len(p.signals) != n+2 {
			t.Error("channels wait for each other, or for nothing")
		}
	})
}

func TestASenderThatIsGoneSaysNothingMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := signaller(t)
		c.outbox.offer("cursors", []byte("1"))
		c.outbox.offer("cursors", []byte("2"))
		c.end(errGone)
		time.Sleep(time.Second)
		if len(p.signals) != 1 {
			t.Errorf("%d signals went out", len(p.signals))
		}
	})
}

func TestAFloodOfSignalsIsDroppedAndThenPunished(t *testing.T) {
	c, _ := signaller(t)
	r := openRoom(t)
	r.hub.options.Signals = c.room.hub.options.Signals
	c.room = r
	c.outbox.limiter, c.outbox.abuse = rate.NewLimiter(0, 10), rate.NewLimiter(0, 20)
	send := &wire.Send{Channel: "nowhere", Data: json.RawMessage("1")}
	var ended error
	said := map[string]int{}
	for n := 1; ended == nil && n < 1000; n++ {
		_, ended = c.takeSignals([]wire.Request{send})
		for _, a := range c.answers {
			var e wire.Error
			if err := json.Unmarshal(a.data, &e); err != nil {
				t.Fatal(err)
			}
			said[e.Code]++
		}
		if c.answers = nil; n == 30 && said[wire.CodeRate] > 0 {
			t.Error("it is told off before it does harm")
		}
	}
	if said[string(channels.CodeUnknownName)] != 10 || said[wire.CodeRate] != maxStrikes+1 || ended == nil {
		t.Errorf("it was told %v and ended with %v", said, ended)
	}
}
