package channels

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"
)

// An export is a stream of JSON lines (NDJSON): an ExportHead, then an ExportItem for each value and message, in the end
// an ExportEnd with counts, without which it is not whole. It is read from a space that goes on changing: first the
// values as they come, then, in further items, what was changed meanwhile, until nothing more was. So the lines applied
// in their order give what the space held at the cursor of the end. It holds on to the names of the keys, no more: the
// values are read a page at a time. Reserved stores, live values and signals are not part of it, and neither is any
// secret: those are all in reserved stores.

// ExportVersion is the format of the exports that this version writes and reads.
const ExportVersion = 1

// An ExportHead is the first line of an export.
type ExportHead struct {
	Baton    int       `json:"baton"` // ExportVersion
	Space    string    `json:"space"`
	Epoch    string    `json:"epoch"`
	Cursor   string    `json:"cursor"` // when it began
	At       time.Time `json:"at"`     // log time then
	Channels []string  `json:"channels,omitempty"`
	Owner    string    `json:"owner,omitempty"`
	Withheld []string  `json:"withheld,omitempty"` // channels of a whole space that are left out: whoever asked may not read them
	Values   int       `json:"values"`             // nearly how many will follow
	Messages int       `json:"messages"`           // and of these
}

// An ExportItem is a value (Key and Value), a key that was deleted while the export was written (Key and Deleted), or a
// message of a log channel (Data).
type ExportItem struct {
	Channel  string          `json:"channel"`
	Owner    string          `json:"owner,omitempty"` // of scoped stores
	Key      string          `json:"key,omitempty"`
	Value    json.RawMessage `json:"value,omitempty"`
	Deleted  bool            `json:"deleted,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Position uint64          `json:"position,omitempty"`
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at,omitzero"`
}

// An ExportEnd is the last line of an export.
type ExportEnd struct {
	End    ExportCounts `json:"end"`
	Cursor string       `json:"cursor"` // what the lines give together is what was there at it
}

// ExportCounts say how many lines there were of each kind.
type ExportCounts struct {
	Values   int `json:"values"`
	Deleted  int `json:"deleted"`
	Messages int `json:"messages"`
}

// An Export says what to export. The zero Export is everything that a space holds.
type Export struct {
	Channels []string // only these stores and logs
	Owner    string   // only what is theirs: their values in scoped stores, and the messages that they wrote
	Mine     bool     // Owner is whoever asks: the user, and their proposal

	Progress func(done, total int) // Optional. Called after each page.
}

// exportPage is how many values or messages are read at once.
const exportPage = 1_000

// exportLook is how many bytes are written until it is looked again whether whoever asked is still signed in.
const exportLook = 256 << 10

// settleRounds is how often what was changed meanwhile is read beside the writers. Then it is read in one go.
const settleRounds = 8

// An Exporting is an export that may begin.
type Exporting struct {
	// Set by Space.Export.
	space *Space
	asked Export
	actor string
	head  ExportHead

	// Of Write.
	parts map[storeID]*exportPart
	out   *json.Encoder
	fresh int // bytes since it was looked who asks
	wrote ExportCounts
	err   error // of out, the first
}

// Export looks whether the login session or token may export that ("" is the hub itself, which may), and returns what
// writes it. Everybody gets what they may read, and no more: a store or log if its rules let them read it, with everybody's
// values if they may read those, else their own. Admins get everything. A space without naming channels is for staff,
// admins and services; what they may not read of it is left out, and the head names it.
func (s *Space) Export(actor string, e Export) (*Exporting, error) {
	x := &Exporting{space: s, asked: e, actor: actor, parts: map[storeID]*exportPart{}}
	var err error
	s.Read(func(state *State) {
		var parts []*exportPart
		var withheld []string
		if parts, withheld, err = x.plan(state); err != nil {
			return
		}
		x.head = ExportHead{
			Baton: ExportVersion, Space: s.Name(), Epoch: state.epoch, Cursor: state.Cursor().String(), At: state.time,
			Channels: e.Channels, Owner: e.Owner, Withheld: withheld,
		}
		for _, p := range parts {
			values, messages := p.count(state)
			x.head.Values, x.head.Messages = x.head.Values+values, x.head.Messages+messages
		}
	})
	return x, err
}

// Head is the first line.
func (x *Exporting) Head() ExportHead { return x.head }

// Write writes the export. It ends with an error, and then without the last line, if ctx does, if whoever asked for it is
// signed out meanwhile, and if the log is replaced.
func (x *Exporting) Write(ctx context.Context, w io.Writer) (ExportCounts, error) {
	buffered := bufio.NewWriterSize(w, 64<<10)
	x.out = newEncoder(counted{x, buffered})
	x.put(x.head)
	for round := 0; ; round++ {
		last, upTo, err := x.round(ctx, round)
		if err != nil {
			return x.wrote, err
		}
		if last {
			x.put(ExportEnd{x.wrote, Cursor{Epoch: x.head.Epoch, Position: upTo}.String()})
			return x.wrote, errors.Join(x.err, buffered.Flush())
		}
	}
}

// round writes what was changed since the round before; the first writes everything. It was the last if what it wrote was
// all read at one position.
func (x *Exporting) round(ctx context.Context, n int) (last bool, upTo uint64, err error) {
	var parts []*exportPart
	var inOneGo []ExportItem
	err = x.read(ctx, func(state *State) error {
		if parts, _, err = x.plan(state); err != nil {
			return err
		}
		upTo = state.position
		few := 0
		for _, p := range parts {
			few += p.look(state)
		}
		if last = few <= exportPage || n >= settleRounds; last {
			for _, p := range parts {
				slices.Sort(p.changed)
				inOneGo = append(append(inOneGo, p.gone()...), p.values(state, p.changed, upTo)...)
				messages, _ := p.messages(state, len(p.tail(state)))
				inOneGo = append(inOneGo, messages...)
			}
		}
		return nil
	})
	if err != nil || last {
		return last, upTo, errors.Join(err, x.page(ctx, inOneGo))
	}
	for _, p := range parts {
		slices.Sort(p.changed)
		if err := errors.Join(x.page(ctx, p.gone()), x.walk(ctx, p, upTo)); err != nil {
			return false, 0, err
		}
	}
	return false, upTo, nil
}

// walk writes what a part has, a page at a time, without the values that were changed after a position: they come later.
func (x *Exporting) walk(ctx context.Context, p *exportPart, upTo uint64) error {
	keys := p.changed
	for more := true; more; {
		var items []ExportItem
		err := x.read(ctx, func(state *State) error {
			if p.log {
				items, more = p.messages(state, exportPage)
				return nil
			}
			n := min(exportPage, len(keys))
			items = p.values(state, keys[:n], upTo)
			keys = keys[n:]
			more = len(keys) > 0
			return nil
		})
		if err != nil {
			return err
		}
		if err := x.page(ctx, items); err != nil {
			return err
		}
	}
	p.walked(upTo)
	return nil
}

// read reads the state, if it is still there and whoever asked may still do so.
func (x *Exporting) read(ctx context.Context, f func(*State) error) (err error) {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	x.space.Read(func(state *State) {
		if state.epoch != x.head.Epoch {
			err = Refuse(CodeConflict, "the log of the space was replaced while it was exported: begin again")
			return
		}
		if x.actor != "" {
			if _, err = x.space.options.Authority.Identify(state, x.actor); err != nil {
				return
			}
		}
		err = f(state)
	})
	return err
}

// page writes what was read, as long as whoever asked may still have it.
func (x *Exporting) page(ctx context.Context, items []ExportItem) error {
	for _, item := range items {
		switch {
		case item.Data != nil:
			x.wrote.Messages++
		case item.Deleted:
			x.wrote.Deleted++
		default:
			x.wrote.Values++
		}
		x.put(item)
		if x.err == nil && x.fresh > exportLook {
			x.fresh, x.err = 0, x.read(ctx, func(*State) error { return nil })
		}
		if x.err != nil {
			return x.err
		}
	}
	if x.asked.Progress != nil && len(items) > 0 {
		x.asked.Progress(x.wrote.Values+x.wrote.Messages, max(x.head.Values+x.head.Messages, x.wrote.Values+x.wrote.Messages))
	}
	return x.err
}

// counted counts what an export writes.
type counted struct {
	x  *Exporting
	to io.Writer
}

func (c counted) Write(p []byte) (int, error) {
	c.x.fresh += len(p)
	return c.to.Write(p)
}

func (x *Exporting) put(line any) {
	if x.err == nil {
		x.err = x.out.Encode(line)
	}
}
