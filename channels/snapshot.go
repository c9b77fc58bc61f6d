package channels

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"
)

// A snapshot is a stream of JSON lines: a header, one line for each value, tombstone, message and client, and a last
// line that counts them, so that half a snapshot is never taken for a whole one.
type snapshotLine struct {
	Head    *snapshotHead `json:"head,omitempty"`
	Value   *savedValue   `json:"value,omitempty"`
	Floor   *savedFloor   `json:"floor,omitempty"`
	Message *savedMessage `json:"message,omitempty"`
	Client  *savedClient  `json:"client,omitempty"`
	End     int           `json:"end,omitempty"` // how many lines came before
}

type snapshotHead struct {
	Version  int       `json:"v"`
	Position uint64    `json:"position"`
	Time     time.Time `json:"time"`
}

type savedValue struct {
	Effect             // without a value: a tombstone
	Position uint64    `json:"p"`
	At       time.Time `json:"at"`
	By       string    `json:"by,omitempty"`
	Client   string    `json:"cl,omitempty"`
	Other    uint64    `json:"op,omitempty"`
}

// savedFloor says what a store or a log channel has forgotten.
type savedFloor struct {
	Channel string `json:"c"`
	Owner   string `json:"o,omitempty"`
	Log     bool   `json:"log,omitempty"`
	Floor   uint64 `json:"floor"`
	Touched uint64 `json:"touched,omitempty"` // a store: see touch
	Client  string `json:"client,omitempty"`
	Other   uint64 `json:"other,omitempty"`
}

type savedMessage struct {
	Channel  string          `json:"c"`
	Position uint64          `json:"p"`
	At       time.Time       `json:"at"`
	By       string          `json:"by,omitempty"`
	Op       Op              `json:"op"`
	Data     json.RawMessage `json:"data"`
}

type savedClient struct {
	ID string `json:"id"`
	clientOps
}

// WriteSnapshot writes the whole state. The same state gives the same bytes.
func (s *State) WriteSnapshot(w io.Writer) error {
	buffered := bufio.NewWriterSize(w, snapshotChunk)
	out := newEncoder(buffered)
	lines := 0
	var err error
	put := func(l snapshotLine) {
		if err == nil {
			lines++
			err = out.Encode(l)
		}
	}
	put(snapshotLine{Head: &snapshotHead{EntryVersion, s.position, s.time}})
	ids := slices.SortedFunc(maps.Keys(s.stores), func(a, b storeID) int {
		return slices.Compare([]string{a.channel, a.owner}, []string{b.channel, b.owner})
	})
	for _, id := range ids {
		s.stores[id].save(id, put)
	}
	for _, channel := range slices.Sorted(maps.Keys(s.logs)) {
		h := s.logs[channel]
		put(snapshotLine{Floor: &savedFloor{Channel: channel, Log: true, Floor: h.floor}})
		for _, m := range h.messages {
			put(snapshotLine{Message: &savedMessage{channel, m.Position, m.At, m.By, m.Op, m.Data}})
		}
	}
	for _, client := range slices.Sorted(maps.Keys(s.ops)) {
		put(snapshotLine{Client: &savedClient{client, *s.ops[client]}})
	}
	end := lines
	put(snapshotLine{End: end})
	return errors.Join(err, buffered.Flush())
}

func (s *store) save(id storeID, put func(snapshotLine)) {
	put(snapshotLine{Floor: &savedFloor{
		Channel: id.channel, Owner: id.owner, Floor: s.floor,
		Touched: s.touched.position, Client: s.touched.client, Other: s.touched.other,
	}})
	one := func(key string, v Value) {
		put(snapshotLine{Value: &savedValue{Effect{Channel: id.channel, Owner: id.owner, Key: key, Value: v.Data}, v.Position, v.At, v.By, v.Client, v.Other}})
	}
	for _, key := range s.sortedKeys() {
		one(key, s.values[key])
	}
	for _, g := range s.order {
		if v, ok := s.graves[g.key]; ok && v.Position == g.position {
			one(g.key, v)
		}
	}
}

// CheckpointBytes is how long the log after a checkpoint gets at least before it is worth another.
const CheckpointBytes = 16 << 20

// NeedsCheckpoint reports whether the log since the last checkpoint has outgrown the state.
func (s *Space) NeedsCheckpoint() (needed bool) {
	s.Read(func(state *State) { needed = state.grown > CheckpointBytes && state.grown > state.bytes() })
	return needed
}

// bytes is nearly how long a snapshot of the state would be.
func (s *State) bytes() int {
	const each = 100 // what is around the data of a message or an operation
	n := s.size
	for _, h := range s.logs {
		for _, m := range h.messages {
			n += each + len(m.Data)
		}
	}
	for _, ops := range s.ops {
		for _, done := range ops.Done {
			n += each + len(done.Answer)
		}
	}
	return n
}

// Checkpoint saves the state, says so in the log, and drops the log behind it. Several nodes may do it at once: each
// snapshot is whole, and what the log says only grows.
func (s *Space) Checkpoint(ctx context.Context) (err error) {
	defer func() { s.meter.Checkpointed(err) }()
	if s.options.Snapshots == nil {
		return fmt.Errorf("checkpoint of %s: the space has no place for snapshots", s.Name())
	}
	var frozen *State
	s.Read(func(state *State) { frozen = state.freeze() })
	through := frozen.position
	if err := s.save(ctx, frozen); err != nil {
		return fmt.Errorf("checkpoint of %s: saving: %w", s.Name(), err)
	}
	if o := s.House(ctx, commitCheckpoint(through)); o.Err != nil {
		return fmt.Errorf("checkpoint of %s: committing: %w", s.Name(), o.Err)
	}
	if err := s.options.Log.Purge(ctx, through); err != nil {
		return fmt.Errorf("checkpoint of %s: purging the log: %w", s.Name(), err)
	}
	return nil
}

// save writes a state that nobody changes into the place for snapshots, piece by piece as it is encoded.
func (s *Space) save(ctx context.Context, state *State) error {
	data, written := io.Pipe()
	var encoding sync.WaitGroup
	encoding.Go(func() { written.CloseWithError(state.WriteSnapshot(written)) })
	err := s.options.Snapshots.Save(ctx, state.position, data)
	data.CloseWithError(errors.New("nobody reads on")) // if Save has given up
	encoding.Wait()
	return err
}

// freeze returns a copy of what a snapshot has of the state, which does not change with it. Encoding takes many times
// as long, and would hold up every write and every reader of the space.
func (s *State) freeze() *State {
	frozen := NewState()
	frozen.position, frozen.time = s.position, s.time
	for id, st := range s.stores {
		frozen.stores[id] = &store{
			values: maps.Clone(st.values), graves: maps.Clone(st.graves), order: slices.Clone(st.order),
			floor: st.floor, touched: st.touched,
		}
	}
	for channel, h := range s.logs {
		frozen.logs[channel] = &history{messages: slices.Clone(h.messages), floor: h.floor}
	}
	for client, ops := range s.ops {
		copied := *ops
		copied.Done = slices.Clone(ops.Done)
		frozen.ops[client] = &copied
	}
	return frozen
}
