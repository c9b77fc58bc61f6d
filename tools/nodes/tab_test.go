package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/client"
)

// A tab is a client that follows a log and a store, and notes all that it is shown.
type tab struct {
	*client.Client
	name, run string

	mu     sync.Mutex // guards what follows
	heard  []heard
	gap    bool
	board  map[string]shown // the last of each key
	shows  []shown          // all of them
	wrong  []string         // what was shown after something newer
	writes []written
}

// heard is one message of this run.
type heard struct {
	position uint64
	text     string
	at       time.Time
}

// shown is a value of the store.
type shown struct {
	key      string
	position uint64
	data     string
}

// written is what was acknowledged.
type written struct {
	shown // without a key, a message
	took  time.Duration
}

// open makes a tab, and returns when it shows everything.
func open(t *testing.T, l *lab, run, name string, o client.Options, first *atomic.Value) *tab {
	t.Helper()
	b := &tab{name: name, run: run, board: map[string]shown{}}
	b.Client = connect(t, l, o, first)
	log, board := b.Log("log", 0), b.Store("board")
	log.Watch(b.hear)
	board.Watch(b.show)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, ready := range []func(context.Context) error{log.Ready, board.Ready} {
		if err := ready(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return b
}

func (b *tab) hear(messages []client.Message, gap bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gap = b.gap || gap
	for _, m := range messages {
		var text string
		if json.Unmarshal(m.Data, &text) == nil && strings.HasPrefix(text, b.run) {
			b.heard = append(b.heard, heard{m.Position, text, time.Now()})
		}
	}
}

func (b *tab) show(changed map[string]client.Value) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, v := range changed {
		now := shown{key, v.Position, string(v.Data)}
		if before := b.board[key]; now.position < before.position || now.position == before.position && now.data != before.data {
			b.wrong = append(b.wrong, fmt.Sprintf("%v after %v", now, before))
		}
		b.board[key] = now
		if strings.HasPrefix(key, b.run) {
			b.shows = append(b.shows, now)
		}
	}
}

// write writes until over, a message and a value in turn.
func (b *tab) write(ctx context.Context, over <-chan struct{}, pace time.Duration) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		start := time.Now()
		text := fmt.Sprint(b.run, b.name, "-", n)
		position, err := b.Append(ctx, "log", text)
		if err != nil {
			return fmt.Errorf("%s: appending: %w", b.name, err)
		}
		b.wrote(shown{"", position, text}, time.Since(start))
		start = time.Now()
		position, err = b.Set(ctx, "board", map[string]any{b.run + b.name: n})
		if err != nil {
			return fmt.Errorf("%s: setting: %w", b.name, err)
		}
		b.wrote(shown{b.run + b.name, position, fmt.Sprint(n)}, time.Since(start))
	}
}

func (b *tab) wrote(s shown, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes = append(b.writes, written{s, took})
}

func (b *tab) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.heard)
}

// truth is what the log of the space has of a run, by a client that comes new to each hub: all of them have to say the same.
func truth(t *testing.T, l *lab, run string) (log []heard, board map[string]shown) {
	t.Helper()
	for i, hub := range l.Hubs {
		var first atomic.Value
		first.Store(hub.Address)
		b := &tab{name: "truth", run: run, board: map[string]shown{}}
		b.Client = connect(t, l, client.Options{Token: l.token(t, "truth")}, &first)
		all, store := b.Log("log", client.AllMessages), b.Store("board")
		all.Watch(b.hear)
		store.Watch(b.show)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := all.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		if err := store.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		_ = b.Close()
		b.mu.Lock()
		same := func(a, c heard) bool { return a.position == c.position && a.text == c.text }
		if i > 0 && !slices.EqualFunc(b.heard, log, same) {
			t.Errorf("%s has %d messages, and others have %d, or not in the same order", hub.Name, len(b.heard), len(log))
		}
		log, board = b.heard, b.board
		b.mu.Unlock()
	}
	return log, board
}

// check holds what tabs were shown against the log, and that against what was acknowledged. It returns how many messages
// there are.
func check(t *testing.T, l *lab, run string, tabs []*tab) int {
	t.Helper()
	log, board := truth(t, l, run)
	at, values := map[string]uint64{}, map[shown]bool{}
	for _, m := range log {
		if at[m.text] != 0 {
			t.Errorf("%s is in the log twice, at %d and %d", m.text, at[m.text], m.position)
		}
		at[m.text] = m.position
	}
	for _, b := range tabs {
		b.mu.Lock()
		for _, w := range b.writes {
			switch {
			case w.key == "" && at[w.data] != w.position:
				t.Errorf("%s was acknowledged at %d and is at %d", w.data, w.position, at[w.data])
			case w.key != "":
				values[w.shown] = true
			}
		}
		b.mu.Unlock()
	}
	for _, b := range tabs {
		eventually(t, b.name+" hears everything", func() bool { return b.count() >= len(log) })
		b.mu.Lock()
		if b.gap {
			t.Errorf("%s has a gap", b.name)
		}
		for i, m := range b.heard {
			if i >= len(log) || m.text != log[i].text || m.position != log[i].position {
				t.Errorf("%s was shown %s at %d as message %d of %d: missed, twice or in another order", b.name, m.text, m.position, i, len(log))
				break
			}
		}
		for _, w := range b.wrong {
			t.Errorf("%s was shown %s", b.name, w)
		}
		for _, s := range b.shows {
			if !values[s] {
				t.Errorf("%s was shown %v, which nobody was told is committed", b.name, s)
				break
			}
		}
		b.mu.Unlock()
		eventually(t, b.name+" shows what the log says", func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			for key, want := range board {
				if strings.HasPrefix(key, run) && b.board[key] != want {
					return false
				}
			}
			return true
		})
	}
	return len(log)
}

// pauses are, for each tab, the longest that it was shown a message after the first tab was, or waited for its own write.
func pauses(tabs []*tab) (worst, all []time.Duration) {
	earliest := map[string]time.Time{}
	for _, b := range tabs {
		for _, m := range b.heard {
			if first, ok := earliest[m.text]; !ok || m.at.Before(first) {
				earliest[m.text] = m.at
			}
		}
	}
	for _, b := range tabs {
		longest := time.Duration(0)
		for _, m := range b.heard {
			d := m.at.Sub(earliest[m.text])
			longest, all = max(longest, d), append(all, d)
		}
		for _, w := range b.writes {
			longest, all = max(longest, w.took), append(all, w.took)
		}
		worst = append(worst, longest)
	}
	slices.Sort(worst)
	slices.Sort(all)
	return worst, all
}
