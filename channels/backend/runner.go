package backend

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A Runner keeps one store and its Backend in step. Its fields are set before Run, which is called once.
type Runner struct {
	Name    string // Required. Of the backend: its edits go under the account backend/<name>.
	Channel string // Required. The store, of scope space and not live.
	Backend Backend
	Space   *channels.Space

	Check  func(value []byte) error         // Optional. Refuses a value that no client could send: duplicate names, depth.
	Fence  func(*channels.Draft) error      // Optional. Refuses once this node must not commit any more.
	Report func(failed bool, detail string) // Optional. Told of edits that were not taken, and of what fails.
	Delay  time.Duration                    // Optional. How long changes are collected before they are saved. Default 100 ms.

	// Owned by Run.
	client  string
	ops     uint64
	saved   []record          // of what was saved lately, the newest last: to tell edits from what is merely old
	taken   map[string]taken  // edits that are written but have not got a cursor yet, by key
	refused map[string]string // key → sum of an edit that was not taken
	lost    map[string]string // key → sum of an edit that came too late: it is kept aside before it is overwritten
	rules   int               // version under which the edits were refused
}

// record is what contents had, to be compared with.
type record struct {
	cursor string
	sums   map[string]string
}

// taken is an edit that was written: whoever edits the key once more before the cursor says so has seen it.
type taken struct {
	cursor   string // of the contents that it was found in
	sum      string
	position uint64
}

const (
	keptRecords = 8
	tries       = 20                     // rounds until a sync is given up for a while
	settle      = 250 * time.Millisecond // between looks at what cannot be read: perhaps it is being written
	retry       = 2 * time.Second
)

// Run keeps both in step until ctx ends (nil), or until the Backend cannot be watched. Whatever else fails is reported
// and tried again.
func (r *Runner) Run(ctx context.Context) error {
	if r.Delay == 0 {
		r.Delay = 100 * time.Millisecond
	}
	r.client = "backend-" + rand.Text()[:12]
	r.taken, r.refused, r.lost = map[string]taken{}, map[string]string{}, map[string]string{}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stir := make(chan struct{}, 1)
	wake := func() {
		select {
		case stir <- struct{}{}:
		default:
		}
	}
	var beside sync.WaitGroup
	defer beside.Wait()
	defer end(nil)
	beside.Go(func() {
		if err := r.Backend.Watch(ctx, wake); err != nil {
			end(fmt.Errorf("watching the backend %s: %w", r.Name, err))
		}
	})
	beside.Go(func() { r.follow(ctx, wake) })
	wake()
	r.loop(ctx, stir)
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (r *Runner) loop(ctx context.Context, stir <-chan struct{}) {
	failed := false
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-stir:
		case <-again.C:
		}
		err := r.sync(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failed = true
			r.report(true, err.Error())
			again.Reset(retry)
		case failed:
			failed = false
			r.report(false, "in step again")
		}
	}
}

func (r *Runner) report(failed bool, detail string) {
	if r.Report != nil {
		r.Report(failed, detail)
	}
}

// follow wakes whenever the store has changed, or the rules have.
func (r *Runner) follow(ctx context.Context, wake func()) {
	var seen uint64
	var rules int
	for ctx.Err() == nil {
		var position, touched uint64
		version := 0
		r.Space.Read(func(s *channels.State) {
			position, touched, version = s.Position(), s.Touched(r.Channel, ""), s.Rules().Version
		})
		if touched != seen || version != rules {
			seen, rules = touched, version
			wake()
		}
		_ = r.Space.WaitFor(ctx, position+1) // it waits for a while; then there is nothing new
		pause(ctx, r.Delay)
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// sync takes in what others have edited, and saves what the log has.
func (r *Runner) sync(ctx context.Context) error {
	for range tries {
		there, err := r.load(ctx)
		invalid := errors.Is(err, ErrInvalid)
		if err != nil && !invalid {
			return fmt.Errorf("loading: %w", err)
		}
		var c comparison
		r.Space.Read(func(s *channels.State) {
			if v := s.Rules().Version; v != r.rules {
				clear(r.refused)
				r.rules = v
			}
			c = r.compare(s, there, invalid)
		})
		r.note(c)
		if invalid {
			r.report(true, err.Error()+": nothing of it is taken; it is kept aside when the next change is saved")
		}
		if len(c.edits) > 0 {
			if err := r.take(ctx, c); err != nil {
				return err
			}
			continue // compare with what came of it
		}
		if !c.save {
			return nil
		}
		err = r.save(ctx, c, there)
		if !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return errors.New("others change it all the time")
}

// load reads what is there. What cannot be read may be half written: it gets a moment.
func (r *Runner) load(ctx context.Context) (c Contents, err error) {
	for range 4 {
		c, err = r.Backend.Load(ctx)
		if !errors.Is(err, ErrInvalid) || ctx.Err() != nil {
			return c, err
		}
		pause(ctx, settle)
	}
	return c, err
}

// note reports edits that came too late.
func (r *Runner) note(c comparison) {
	var news []string
	for key, sum := range c.late {
		if r.lost[key] != sum {
			r.lost[key] = sum
			news = append(news, key)
		}
	}
	if len(news) > 0 {
		slices.Sort(news)
		r.report(true, fmt.Sprintf("edited after it had changed in the hub, whose value is kept: %s", list(news)))
	}
}

func list(keys []string) string {
	const most = 10
	if len(keys) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(keys[:most], ", "), len(keys)-most)
	}
	return strings.Join(keys, ", ")
}

// save replaces what is there with what the log has.
func (r *Runner) save(ctx context.Context, c comparison, there Contents) error {
	if len(c.late) > 0 || len(r.refused) > 0 {
		if keeper, ok := r.Backend.(Keeper); ok {
			if err := keeper.Keep(ctx); err != nil {
				return fmt.Errorf("keeping the edits aside that were not taken: %w", err)
			}
		}
	}
	if err := r.Backend.Save(ctx, c.wanted); err != nil {
		return fmt.Errorf("saving: %w", err)
	}
	clear(r.taken)
	clear(r.refused)
	clear(r.lost)
	r.remember(c.wanted)
	return nil
}

func (r *Runner) remember(c Contents) {
	r.saved = append(r.saved, record{c.Cursor, sumsOf(c.Values)})
	if len(r.saved) > keptRecords {
		r.saved = r.saved[1:]
	}
}

// The bounds of one write of edits, in keys and bytes: an entry holds them well.
const (
	batchKeys  = 200
	batchBytes = 128 << 10
)

// take writes edits, in as few writes as possible, so that what was edited together changes together. A key that the
// rules refuse is left out and reported; the others are written.
func (r *Runner) take(ctx context.Context, c comparison) error {
	keys := r.sound(c)
	for len(keys) > 0 && ctx.Err() == nil {
		n, size := 0, 0
		for n < len(keys) && n < batchKeys && size < batchBytes {
			size += len(keys[n]) + len(c.edits[keys[n]].value)
			n++
		}
		refusal, err := r.write(ctx, c, keys[:n])
		switch {
		case err != nil:
			return err
		case refusal == nil:
			keys = keys[n:]
		case refusal.Code == channels.CodeConflict:
			return nil // the log has moved on: compare again
		default:
			bad, _ := refusal.More["key"].(string)
			if i := slices.Index(keys, bad); i >= 0 && i < n {
				r.refuse(c, refusal, bad)
				keys = slices.Delete(keys, i, i+1)
				continue
			}
			r.refuse(c, refusal, keys[:n]...)
			keys = keys[n:]
		}
	}
	return context.Cause(ctx)
}

// sound returns the keys of the edits, without those that cannot be keys or whose values can never be taken.
func (r *Runner) sound(c comparison) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(c.edits)) {
		var refusal *channels.Refusal
		value := compact(c.edits[key].value)
		switch {
		case errors.As(channels.CheckKey(key), &refusal):
		case len(value) > channels.MaxValue:
			refusal = channels.Refuse(channels.CodeTooLarge, "it has %d bytes, the limit is %d", len(value), channels.MaxValue)
		case value != nil && r.check(value) != nil:
			refusal = channels.Refuse(channels.CodeInvalid, "%v", r.check(value))
		default:
			keys = append(keys, key)
			continue
		}
		r.refuse(c, refusal, key)
	}
	return keys
}

func (r *Runner) check(value []byte) error {
	if r.Check == nil {
		return nil
	}
	return r.Check(value)
}

func (r *Runner) refuse(c comparison, refusal *channels.Refusal, keys ...string) {
	for _, key := range keys {
		r.refused[key] = c.edits[key].sum
	}
	r.report(true, fmt.Sprintf("the edit of %s is not taken: %s", list(keys), refusal.Detail))
}

// compact leaves out the spaces that a person likes.
func compact(value json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return value
	}
	return b.Bytes()
}

// write proposes the edits of some keys. A refusal is a decision, an error an outcome that nobody knows.
func (r *Runner) write(ctx context.Context, c comparison, keys []string) (*channels.Refusal, error) {
	w := channels.Write{Channel: r.Channel, Set: map[string]json.RawMessage{}, If: map[string]uint64{}}
	for _, key := range keys {
		e := c.edits[key]
		w.If[key] = e.position
		if e.value == nil {
			w.Delete = append(w.Delete, key)
		} else {
			w.Set[key] = compact(e.value)
		}
	}
	user := "backend/" + r.Name
	edit := channels.OutsideEdit{By: user, Fence: r.Fence, Write: w}
	r.ops++
	o := r.Space.Do(ctx, channels.Proposal{Op: channels.Op{Client: r.client, N: r.ops}, User: user, Decide: edit.Decide})
	var refusal *channels.Refusal
	if errors.As(o.Err, &refusal) {
		return refusal, nil
	}
	if o.Err == nil {
		for _, key := range keys {
			r.taken[key] = taken{c.cursor, c.edits[key].sum, o.Position}
		}
	}
	return nil, o.Err
}
