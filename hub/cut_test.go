package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session/sessiontest"
)

// The pairs of nodes that are cut at the same time, and how often each is.
const (
	cutPairs = 10
	cutsEach = 100
)

// TestAThousandCutsOfTheCommittingHubBeforeTheAckApplyOnce cuts whichever of two nodes commits from NATS, when NATS has
// stored the entry and before that node hears of it, or before its answer reaches the node that has handed it the
// transaction. Clients send most operations again, some before they are answered. See TestTheCutsNotice… for its mutants.
func TestAThousandCutsOfTheCommittingHubBeforeTheAckApplyOnce(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	pairs := make([]*cutPair, cutPairs)
	for i := range pairs {
		pairs[i] = newCutPair(t, server, fmt.Sprint("lab", i), uint64(i), nil)
	}
	var cutting sync.WaitGroup
	for _, p := range pairs {
		cutting.Go(func() { p.cutAll(cutsEach) })
	}
	cutting.Wait()
	var acks, answers, home, away int64
	for _, p := range pairs {
		for _, wrong := range p.compare() {
			t.Errorf("%s: %s", p.space, wrong)
		}
		acks, answers = acks+p.acks.Load(), answers+p.answers.Load()
		home, away = home+p.home.cuts.Load(), away+p.away.cuts.Load()
	}
	t.Logf("%d acks and %d answers to the other node were cut off; the home was cut %d times, the other node %d", acks, answers, home, away)
	if acks+answers < cutPairs*cutsEach || answers == 0 || home < cutPairs*cutsEach/20 {
		t.Errorf("%d acks and %d answers were cut off, %d times that of the home: the test proves little", acks, answers, home)
	}
}

// TestTheCutsNoticeWhatWouldApplyTwice has the same done to nodes that do wrong.
func TestTheCutsNoticeWhatWouldApplyTwice(t *testing.T) {
	t.Parallel()
	for name, mutant := range map[string]func(channels.Log) channels.Log{
		"operation ids are not kept":                       func(l channels.Log) channels.Log { return forgetfulLog{l, new(atomic.Int64)} },
		"what has no answer is published at the end again": func(l channels.Log) channels.Log { return stubbornLog{l} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newCutPair(t, natstest.External(t), "lab0", 0, mutant)
			p.cutAll(5)
			if len(p.compare()) == 0 {
				t.Error("nothing was noticed")
			}
		})
	}
}

// A forgetfulLog stores each operation under another id, so that nobody finds it again.
type forgetfulLog struct {
	channels.Log
	stored *atomic.Int64
}

func (l forgetfulLog) Append(ctx context.Context, after uint64, data []byte) error {
	return l.Log.Append(ctx, after, bytes.ReplaceAll(data, []byte(`"op":"`), fmt.Appendf(nil, `"op":"x%d`, l.stored.Add(1))))
}

// A stubbornLog stores what it does not know the outcome of again, wherever the log ends then.
type stubbornLog struct{ channels.Log }

func (l stubbornLog) Append(ctx context.Context, after uint64, data []byte) error {
	err := l.Log.Append(ctx, after, data)
	for tries := 0; err != nil && !errors.Is(err, channels.ErrMoved) && ctx.Err() == nil && tries < 1000; tries++ {
		if _, last, e := l.Bounds(ctx); e == nil && last > after {
			return l.Log.Append(ctx, last, data)
		}
		<-time.After(5 * time.Millisecond)
	}
	return err
}

// A cutNode is a node whose connection to NATS can be cut. It has two ways to it, so that it is back at once.
type cutNode struct {
	*node
	ways  []*sessiontest.Proxy
	cuts  atomic.Int64
	asked atomic.Int64 // how often it has handed something to the home
}

// A cutPair is two nodes with a space of their own, and a person on the node that is not its home.
type cutPair struct {
	t          *testing.T
	space      string
	home, away *cutNode
	tab        *hubtest.Tab
	log        channels.Log // not through what is cut
	random     *rand.Rand

	sent      map[int]uint64 // messages by their number, and where they are said to be
	complaint []string

	aim           atomic.Pointer[aim]
	acks, answers atomic.Int64 // that were cut off
}

// An aim is the operation that is waited for to cut.
type aim struct {
	op     []byte // as it is in an entry
	answer bool   // cut the home's answer to the other node, not the ack

	mu    sync.Mutex
	state string   // "waiting", "published", "cut"
	by    *cutNode // who has published
}

func newCutPair(t *testing.T, server *natstest.Server, space string, seed uint64, mutant func(channels.Log) channels.Log) *cutPair {
	t.Helper()
	p := &cutPair{t: t, space: space, random: rand.New(rand.NewPCG(seed, 0)), sent: map[int]uint64{}}
	names := []string{space + "-one", space + "-two"}
	first := hub.Home(space, names)
	tabs := map[string]*hubtest.Tab{}
	for _, name := range names {
		n := &cutNode{}
		var urls []string
		for range 2 {
			way := sessiontest.NewProxy(t, strings.TrimPrefix(server.URL, "nats://"))
			way.Watch(func(toServer bool, data []byte) bool { return p.passes(n, toServer, data) })
			n.ways = append(n.ways, way)
			urls = append(urls, "nats://"+way.Address)
		}
		n.node = newNode(t, nodeOptions{
			name: name, store: natstest.Connect(t, strings.Join(urls, ",")), limits: hub.Limits{Rate: 1e6, Burst: 1e6}, log: mutant,
			more: func(o *hub.Options) {
				o.Spaces, o.Ticks = []hub.Site{{Name: space}}, noTicks{}
				o.Relay = homeRelay{o.Relay, &atomic.Value{}, &n.asked, nil}
			},
		})
		alice := hubtest.NewBrowser(t)
		alice.SignIn(n.url, space, "alice")
		tabs[name] = alice.Open(n.url, name+"-tab")
		if name == first {
			p.home = n
		} else {
			p.away, p.tab = n, tabs[name]
		}
	}
	for _, tab := range tabs {
		presence := wire.Presence{Members: tab.Welcome.Presence}
		for !connected(presence, 2) {
			tab.Expect("presence", &presence)
		}
	}
	var err error
	if p.log, err = natstest.Connect(t, server.URL).Log(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	return p
}

// passes cuts a node at the aim. Between the publishing and the cut nothing reaches the node.
func (p *cutPair) passes(n *cutNode, toServer bool, data []byte) bool {
	a := p.aim.Load()
	if a == nil {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.state == "waiting" && toServer && bytes.Contains(data, a.op):
		a.state, a.by = "published", n
		if n == p.away {
			a.answer = false // there is none
		}
	case a.state != "published" || n != a.by:
	case a.answer && toServer && bytes.Contains(data, []byte(`[{"position":`)):
		p.answers.Add(1)
		p.cut(a)
		return false
	case !a.answer && !toServer && bytes.Contains(data, []byte(`{"stream":"TX_`)):
		p.acks.Add(1)
		p.cut(a)
		return false
	case !a.answer && !toServer:
		return false
	}
	return true
}

func (p *cutPair) cut(a *aim) {
	a.state = "cut"
	a.by.cuts.Add(1)
	for _, way := range a.by.ways {
		way.Cut()
	}
}

// cutAll sends operations until the committing node was cut so often.
func (p *cutPair) cutAll(times int) {
	for n := 1; p.acks.Load()+p.answers.Load() < int64(times); n++ {
		if n > 3*times {
			p.t.Errorf("%s: after %d operations there were %d cuts", p.space, n, p.acks.Load()+p.answers.Load())
			return
		}
		op := fmt.Sprintf("%s.%d", p.tab.Client, n)
		p.aim.Store(&aim{op: fmt.Appendf(nil, `%s","h":`, op), answer: p.random.IntN(40) == 0, state: "waiting"})
		request := frame{"type": "append", "channel": "chat", "data": n, "op": op}
		ids := []uint64{uint64(10 * n)}
		if p.random.IntN(3) == 0 { // again before it is answered
			ids = append(ids, uint64(10*n+1))
		}
		for _, id := range ids {
			request["id"] = id
			p.tab.Send(request)
		}
		for _, id := range ids {
			p.note(n, request, id)
		}
		if p.random.IntN(2) == 0 { // again afterwards
			request["id"] = 10*n + 2
			p.tab.Send(request)
			p.note(n, request, uint64(10*n+2))
		}
	}
}

// note takes the answer to a request for a message. It asks again as long as it is told to, which a busy machine brings about.
func (p *cutPair) note(n int, request frame, id uint64) {
	f := p.tab.Answer(id)
	for late := time.Now().Add(hubtest.Patience); hubtest.Again(f) && time.Now().Before(late); f = p.tab.Answer(id) {
		request["id"] = id
		p.tab.Send(request)
	}
	var appended wire.Appended
	p.tab.Decode(f, &appended)
	if f.Type != "appended" || p.sent[n] != 0 && p.sent[n] != appended.Position {
		p.complaint = append(p.complaint, fmt.Sprintf("message %d, once said to be at %d, is answered %s", n, p.sent[n], f.Data))
		return
	}
	p.sent[n] = appended.Position
}

// compare holds what was answered against the log.
func (p *cutPair) compare() (wrong []string) {
	wrong = p.complaint
	found := map[string]uint64{}
	for position, e := range entriesOf(p.t, p.log) {
		for _, tx := range e.Transactions {
			for _, effect := range tx.Effects {
				if effect.Channel != "chat" {
					continue
				}
				if at := found[string(effect.Value)]; at != 0 {
					wrong = append(wrong, fmt.Sprintf("message %s is at %d and at %d", effect.Value, at, position))
				}
				found[string(effect.Value)] = position
			}
		}
	}
	for n, at := range p.sent {
		if found[fmt.Sprint(n)] != at {
			wrong = append(wrong, fmt.Sprintf("message %d is said to be at %d and is at %d", n, at, found[fmt.Sprint(n)]))
		}
	}
	if len(found) != len(p.sent) {
		wrong = append(wrong, fmt.Sprintf("of %d messages %d are in the log", len(p.sent), len(found)))
	}
	return wrong
}

// entriesOf reads a log as it is now.
func entriesOf(t *testing.T, log channels.Log) map[uint64]*channels.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
	defer cancel()
	_, last, err := log.Bounds(ctx)
	if err != nil {
		t.Fatal(err)
	}
	entries := map[uint64]*channels.Entry{}
	err = log.Follow(ctx, 0, func(r channels.Record) {
		e, err := channels.DecodeEntry(r.Data)
		if err != nil {
			t.Error(err)
		}
		entries[r.Position] = e
		if r.Position >= last {
			cancel()
		}
	})
	if err != nil || uint64(len(entries)) < last {
		t.Fatalf("of %d entries %d were read: %v", last, len(entries), err)
	}
	return entries
}
