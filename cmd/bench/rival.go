package bench

import (
	"context"
	"strconv"

	"github.com/baton-hub/baton/hub/crowd"
	"github.com/baton-hub/baton/hub/wire"
)

// A Rival is another server, which takes turns with the hub in the floor's place.
type Rival struct {
	Name   string
	Start  func(context.Context) (*Started, error)
	Client func(name string) Dialect                      // how a client talks to it, by its name; the same one when it comes back
	Most   func(scenario string, connections int) float64 // Optional. The target for the hub's figure over its own; 0 = none
}

// checks are the figures of a scenario that are compared with the rival's.
func (r *Rival) checks(p planned) []check {
	if r == nil {
		return nil
	}
	c := check{figure: "CPU over " + r.Name, of: cpuOverFloor}
	switch p.name {
	case "idle":
		c = check{figure: "KiB over " + r.Name, of: func(hub, rival Turn) float64 { return over(hub.RSS, rival.RSS) }}
	case "echo", "writes":
		c = check{figure: "p50 over " + r.Name + ", which has no disk", of: p50OverFloor}
	}
	if r.Most != nil {
		c.most = r.Most(p.name, p.size)
	}
	return []check{c}
}

// Started is a server that was started.
type Started struct {
	URL  string
	PID  int
	Stop func()
}

// A Dialect is how one client talks to a server. What it reads is told as a hub would tell it, in the frames joined, message,
// written and error; a frame of the type ping has the client send its data back.
type Dialect interface {
	Path() string // of the WebSocket endpoint
	// AppendJoin asks for what comes of a channel, and for what came after the cursor if there is one. The answer has the id.
	AppendJoin(dst []byte, id uint64, channel, cursor string) []byte
	// AppendWrite publishes a value.
	AppendWrite(dst []byte, w Write) []byte
	// Each calls take for each frame of a message. What a frame refers to is valid until it returns.
	Each(message []byte, take func(crowd.Frame) error) error
}

// A Write is a value that a client wants published, in JSON.
type Write struct {
	N       uint64 // which one of the client's it is
	Channel string
	Key     int // in a store
	Value   []byte
}

// hubDialect is how a hub is talked to.
type hubDialect struct {
	client string
	log    bool
}

func (hubDialect) Path() string { return wire.Path }

func (d hubDialect) AppendJoin(dst []byte, id uint64, channel, cursor string) []byte {
	none := 0
	join := &wire.Join{Head: wire.Head{ID: id}, Channel: channel, Cursor: cursor}
	if d.log && cursor == "" {
		join.Last = &none
	}
	return append(dst, wire.Encode(join)...)
}

func (d hubDialect) AppendWrite(b []byte, w Write) []byte {
	kind, field := `[{"type":"write","id":`, `,"set":{"k`
	if d.log {
		kind, field = `[{"type":"append","id":`, `,"data":`
	}
	b = strconv.AppendUint(append(b, kind...), w.N, 10)
	b = append(append(append(b, `,"channel":"`...), w.Channel...), '"')
	b = append(b, field...)
	if !d.log {
		b = append(strconv.AppendInt(b, int64(w.Key), 10), `":`...)
	}
	b = append(b, w.Value...)
	if !d.log {
		b = append(b, '}')
	}
	b = append(append(append(b, `,"op":"`...), d.client...), '.')
	return append(strconv.AppendUint(b, w.N, 10), `"}]`...)
}

func (hubDialect) Each(message []byte, take func(crowd.Frame) error) error {
	return crowd.Each(message, take)
}
