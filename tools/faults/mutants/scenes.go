package mutants

import (
	"encoding/json"
	"fmt"
	"syscall"
	"time"

	"github.com/baton-hub/baton/hub/wire"
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
	for _, t := range tabs {
		id, o := t.begin(&wire.Append{Channel: "chat", Data: json.RawMessage(`"in between"`), Op: t.op()})
		var f wire.Frame
		for late := time.Now().Add(time.Second); f == nil && time.Now().Before(late); time.Sleep(5 * time.Millisecond) {
			t.mu.Lock()
			f = t.answers[id]
			t.mu.Unlock()
		}
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
