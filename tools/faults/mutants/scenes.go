package mutants

import (
	"encoding/json"
	"fmt"
	"syscall"
	"time"

	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

// set writes a key of the notes, say a message in the chat.
func (t *tab) set(key, value string) wire.Frame {
	return t.do(&wire.Write{Channel: "notes", Set: map[string]json.RawMessage{key: json.RawMessage(value)}, Op: t.op()})
}

func (t *tab) say(text string) wire.Frame {
	data, _ := json.Marshal(text) // a string
	return t.do(&wire.Append{Channel: "chat", Data: data, Op: t.op()})
}

// moves makes a move on the seat, which has to be made.
func (t *tab) moves(c wire.Control) *wire.Controlled {
	c.Op = t.op()
	f := t.do(&c)
	done, ok := f.(*wire.Controlled)
	if !ok {
		t.play.fail("%s of %s is answered %+v", c.Do, t.user, f)
	}
	return done
}

// powerCut is what happens to something that was asked for while the log answers nothing, when all ends at once.
func powerCut(p *play) {
	alice := p.comes("alice", 0)
	tabs := []*tab{alice.page(0, "chat"), alice.page(1, "chat")}
	for _, t := range tabs {
		t.say("before")
	}
	p.world.nats.signal(syscall.SIGSTOP)
	p.until("NATS stands still", p.world.nats.stopped)
	ids, asked, answers := make([]uint64, len(tabs)), make([]history.Operation, len(tabs)), make([]wire.Frame, len(tabs))
	for i, t := range tabs {
		ids[i], asked[i] = t.begin(&wire.Append{Channel: "chat", Data: json.RawMessage(`"in between"`), Op: t.op()})
	}
	most := time.Second // for what must not come
	if p.mutated {
		most = patience
	}
	p.wait(most, func() bool {
		some := false
		for i, t := range tabs {
			answers[i] = t.answered(ids[i])
			some = some || answers[i] != nil
		}
		return some
	})
	for i, t := range tabs {
		t.finish(asked[i], answers[i])
	}
	for _, part := range append(p.world.hubs, p.world.nats) {
		part.kill()
	}
	if err := p.world.nats.start(p.ctx); err != nil {
		p.fail("%w", err)
	}
}

// sentAgain is the same operation several times, and others under its id.
func sentAgain(p *play) {
	alice := p.comes("alice", 0)
	t := alice.page(0, "notes", "chat")
	for round := range 3 {
		first := wire.Append{Channel: "chat", Data: json.RawMessage(fmt.Sprint(round)), Op: t.op()}
		other := wire.Append{Channel: "chat", Data: json.RawMessage(`"something else"`), Op: first.Op}
		for _, r := range []wire.Append{first, first, other} {
			t.do(&r)
		}
		t.leave()
		t.connect(round%2, "notes", "chat")
		t.do(&wire.Append{Channel: first.Channel, Data: first.Data, Op: first.Op})
	}
}

// refusedAgain is an operation that may not be done when it is sent again, on both hubs, and might be when it comes once more.
func refusedAgain(p *play) {
	alice := p.comes("alice", 0)
	pages := []*tab{alice.page(0, "notes"), alice.page(1, "notes")}
	t := pages[0]
	t.set("k", "1")
	op := t.op()
	sending := func(again bool) *wire.Write {
		return &wire.Write{Head: wire.Head{Again: again}, Channel: "notes", Set: map[string]json.RawMessage{"k": json.RawMessage("2")}, If: map[string]uint64{"k": 0}, Op: op}
	}
	t.do(sending(false))
	for _, page := range pages {
		page.do(sending(true))
	}
	t.do(&wire.Write{Channel: "notes", Delete: []string{"k"}, Op: t.op()})
	for _, page := range pages {
		page.do(sending(true))
	}
}

// handedBack is control that goes to somebody else and comes back, and a page that has missed that.
func handedBack(p *play) {
	alice, bob := p.comes("alice", 0), p.comes("bob", 1)
	a, b := alice.page(0, "queue"), bob.page(1, "queue")
	term := a.moves(wire.Control{Do: "request"}).Term
	late := &wire.Write{Channel: "queue", Set: map[string]json.RawMessage{"k": json.RawMessage("1")}, Term: term}
	now := *late
	now.Op = a.op()
	a.do(&now)
	request := b.moves(wire.Control{Do: "request"}).Request
	a.moves(wire.Control{Do: "grant", Request: request})
	late.Op = a.op()
	a.do(late)
	b.moves(wire.Control{Do: "give", Session: alice.session})
	late.Op = a.op()
	a.do(late)
}

// comingsAndGoings is a few pages that watch and write, leave, miss something, and come back to another hub.
func comingsAndGoings(p *play) {
	alice, bob := p.comes("alice", 0), p.comes("bob", 1)
	a, b := alice.page(0, "notes", "chat"), bob.page(1, "notes", "chat")
	for n := range 12 {
		a.set(fmt.Sprint("key", n%5), fmt.Sprint(n))
		b.say(fmt.Sprint("word ", n))
		a.do(&wire.Transact{
			Writes:  []wire.TransactWrite{{Channel: "notes", Set: map[string]json.RawMessage{"both": json.RawMessage(fmt.Sprint(n))}, Delete: []string{fmt.Sprint("key", n%3)}}},
			Appends: []wire.TransactAppend{{Channel: "chat", Data: json.RawMessage(fmt.Sprint(n))}},
			Op:      a.op(),
		})
	}
	for round := range 4 {
		b.leave()
		a.say(fmt.Sprint("missed ", round))
		a.set("missed", fmt.Sprint(round))
		b.connect(round%2, "notes", "chat")
		b.say("back")
	}
	a.burst(40)
	p.comes("sam", 1).page(1, "notes", "chat")
}

// burst sends many requests before it waits for an answer.
func (t *tab) burst(n int) {
	ids, asked := make([]uint64, n), make([]history.Operation, n)
	for i := range n {
		r := wire.Request(&wire.Append{Channel: "chat", Data: json.RawMessage(fmt.Sprint(i)), Op: t.op()})
		if i%2 == 0 {
			r = &wire.Write{Channel: "notes", Set: map[string]json.RawMessage{"burst": json.RawMessage(fmt.Sprint(i))}, Op: t.op()}
		}
		ids[i], asked[i] = t.begin(r)
	}
	for i := range n {
		t.finish(asked[i], t.answer(ids[i]))
	}
}

// lastWord is one change after which nothing happens any more.
func lastWord(p *play) {
	alice, bob := p.comes("alice", 0), p.comes("bob", 1)
	a, b := alice.page(0, "chat"), bob.page(1, "chat")
	for {
		f, ok := a.say("one more").(*wire.Appended)
		if !ok || f.Position%10 == 0 {
			break
		}
		p.until("everybody has heard", func() bool { return b.seen() >= f.Position })
	}
}

// contended is one key that two pages on two hubs change, each as it has seen it, at the same time.
func contended(p *play) {
	pages := []*tab{p.comes("alice", 0).page(0, "notes"), p.comes("bob", 1).page(1, "notes")}
	position := uint64(0)
	for n := range 10 {
		ids, asked := make([]uint64, 2), make([]history.Operation, 2)
		for i, t := range pages {
			ids[i], asked[i] = t.begin(&wire.Write{
				Channel: "notes", Set: map[string]json.RawMessage{"count": json.RawMessage(fmt.Sprint(n))}, If: map[string]uint64{"count": position}, Op: t.op(),
			})
		}
		for i, t := range pages {
			f := t.answer(ids[i])
			t.finish(asked[i], f)
			if done, ok := f.(*wire.Written); ok {
				position = done.Position
			}
		}
	}
}

// readElsewhere is a page that writes on one hub, and another of the same person that reads on the other one what it has
// heard of.
func readElsewhere(p *play) {
	alice := p.comes("alice", 0)
	pages := []*tab{alice.page(0), alice.page(1)}
	for n := range 3 {
		for i, t := range pages {
			if done, ok := t.set("read", fmt.Sprint(n)).(*wire.Written); ok {
				pages[1-i].do(&wire.Read{Head: wire.Head{Seen: done.Cursor}, Channel: "notes", Keys: []string{"read"}})
			}
		}
	}
}

// oneAtATime is a space that lets one person in, and several who try, on both hubs.
func oneAtATime(p *play) {
	for round := range 2 {
		alice, bob := p.person("booth", "alice"), p.person("booth", "bob")
		alice.signIn(round)
		bob.signIn(1 - round)
		bob.signIn(round)
		alice.signOut(1 - round)
		bob.signIn(1 - round)
		bob.signOut(round)
	}
}

// lostOperator is an operator who goes away without a word, while somebody waits in line.
func lostOperator(p *play) {
	a, b := p.comes("alice", 0).page(0, "queue"), p.comes("bob", 1).page(1, "queue")
	term := a.moves(wire.Control{Do: "request"}).Term
	b.moves(wire.Control{Do: "request"})
	a.leave()
	p.until("the seat has fallen to somebody, or to nobody", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.seat.Term > term
	})
}

// signedOutElsewhere is somebody with pages on two hubs who signs out on one of them, while others go on.
func signedOutElsewhere(p *play) {
	alice, bob := p.comes("alice", 0), p.comes("bob", 0)
	alice.page(0, "chat")
	alice.page(1, "chat")
	b := bob.page(0, "chat")
	b.say("before")
	if status, answer := alice.signOut(0); status != 204 {
		p.fail("signing out is answered %d: %s", status, answer)
	}
	for range 3 {
		b.say("after")
		for hub := range p.world.hubs {
			alice.use(hub)
		}
	}
}
