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
	_, signals, clock, _ := b.since(0, everything, everything)
	var got []string
	for _, s := range signals {
		got = append(got, string(s.data))
	}
	if want := []string{"a99", "b99", "c99"}; !slices.Equal(got, want) {
		t.Errorf("it gets %v, not %v", got, want)
	}
	if _, signals, _, _ := b.since(clock, everything, everything); len(signals) > 0 {
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
		if _, signals, _, _ := b.since(0, everything, everything); len(signals) != 1 || string(signals[0].data) != "new" {
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
	_, signals, _, _ := b.since(0, everything, everything)
	if last := signals[len(signals)-1]; last.client != "client-999" {
		t.Errorf("the newest is of %s", last.client)
	}
}

func TestWhoLooksAfterNewsOfGoneValuesWereForgottenIsTold(t *testing.T) {
	b := newBoard()
	f := feed{channel: "motors"}
	b.set(f, "x", []byte("1"))
	_, _, early, _ := b.since(0, everything, everything)
	b.set(f, "x", nil)
	if values, _, _, known := b.since(early, everything, everything); len(values) != 1 || !known {
		t.Errorf("that x is gone comes as %v, %v", values, known)
	}
	b.prune(time.Now().Add(goneLife), func(string) bool { return false })
	if _, _, _, known := b.since(early, everything, everything); known {
		t.Error("who has seen x believes in it for ever")
	}
	if _, _, _, known := b.since(b.now(), everything, everything); !known {
		t.Error("who has seen that it is gone gets everything anew")
	}
	if len(b.values.byKey) != 0 {
		t.Errorf("it is remembered for ever: %v", b.values.byKey)
	}
}

func TestALiveStoreHasABoundedNumberOfKeys(t *testing.T) {
	b := newBoard()
	f := feed{channel: "motors"}
	for i := range maxLiveKeys {
		b.set(f, fmt.Sprint(i), []byte("1"))
	}
	if err := b.room(f, []string{"0", "1"}); err != nil {
		t.Errorf("keys that are there are refused: %v", err)
	}
	if err := b.room(f, []string{"another"}); !channels.IsCode(err, channels.CodeTooLarge) {
		t.Errorf("another one is answered %v", err)
	}
	if err := b.room(feed{channel: "other"}, []string{"another"}); err != nil {
		t.Errorf("another store has no room: %v", err)
	}
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
	h.options.Limits.fill()
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
