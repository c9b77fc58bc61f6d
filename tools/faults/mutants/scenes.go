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
	for _, t := range tabs {
		id, o := t.begin(&wire.Append{Channel: "chat", Data: json.RawMessage(`"in between"`), Op: t.op()})
		var f wire.Frame
		p.wait(time.Second, func() bool { f = t.answered(id); return f != nil })
		t.finish(o, f)
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
