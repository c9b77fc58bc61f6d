package mutants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/tools/faults/check"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A Stage says what scenes are played with.
type Stage struct {
	NATS  string // path of nats-server
	Baton string // of Baton as it is, or of the program of all mutants
	Dir   string // where the history goes, and the data
}

// A play is a scene under way. A step that cannot be made ends it, by a panic that Play recovers.
type play struct {
	ctx    context.Context
	world  *world
	record *history.Recorder
	names  int    // of cookies and sockets
	tabs   []*tab // all, for their end

	mutated bool          // the hubs are mutants
	space   string        // whose log is read in the end
	listens time.Duration // in the end, at most
}

// A failure is why a scene cannot go on. It says nothing of a promise.
type failure struct{ error }

func (p *play) fail(format string, args ...any) {
	panic(failure{fmt.Errorf(format, args...)})
}

// patience is how long a scene waits for what has to come.
const patience = 20 * time.Second

// listenTime is how long pages are listened to in the end, if they do not have everything before: longer than G7 gives.
const listenTime = 11 * time.Second

// Play plays the scene of a mutant, with the mutant or with Baton as it is, and returns what the checkers find. The error
// is of a scene that could not be played.
func (m Mutant) Play(ctx context.Context, s Stage, mutated bool) (found []check.Violation, err error) {
	name := ""
	if mutated {
		name = m.Name
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	p := &play{ctx: ctx, mutated: mutated, space: cmp.Or(m.space, "lab"), listens: listenTime}
	if mutated && m.Promise != "G7" {
		p.listens = time.Second // what it leaves out does not come, and whether that is too late is not the question
	}
	if p.world, err = open(ctx, s.Dir, s.NATS, s.Baton, name); err != nil {
		return nil, err
	}
	defer p.world.close()
	if p.record, err = history.Record(s.Dir, history.Run{Space: p.space, Hub: "scene of " + m.Name, Nodes: len(p.world.hubs)}); err != nil {
		return nil, err
	}
	if err = errors.Join(p.act(m.scene), p.record.Close()); err != nil {
		return nil, fmt.Errorf("the scene of %s: %w\n%s", m.Name, err, p.world.words())
	}
	h, err := history.Read(s.Dir)
	if err != nil {
		return nil, err
	}
	return check.All(h)
}

// act plays the scene, and lets everybody go at its end.
func (p *play) act(scene func(*play)) (err error) {
	defer func() {
		for _, t := range p.tabs {
			t.leave()
		}
		if stopped := recover(); stopped != nil {
			f, ok := stopped.(failure)
			if !ok {
				panic(stopped)
			}
			err = f.error
		}
	}()
	scene(p)
	p.record.Event(history.Quiet, "", "")
	last, err := p.collect()
	if err != nil {
		return err
	}
	p.wait(p.listens, func() bool { return p.current(last) })
	p.record.Event(history.Over, "", "")
	return nil
}

// current reports whether every page that is connected has been shown the last change of each of its channels.
func (p *play) current(last map[string]uint64) bool {
	for _, t := range p.tabs {
		select {
		case <-t.ended:
			continue
		default:
		}
		t.mu.Lock()
		for channel, cursor := range t.cursors {
			if history.PositionOf(cursor) < last[channel] {
				t.mu.Unlock()
				return false
			}
		}
		t.mu.Unlock()
	}
	return true
}

// collect reads L, and returns where each channel changes last.
func (p *play) collect() (last map[string]uint64, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	store, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: p.world.url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	log, err := store.Log(ctx, p.space)
	if err != nil {
		return nil, err
	}
	entries, err := history.Collect(ctx, log)
	if err != nil {
		return nil, err
	}
	last = map[string]uint64{}
	for _, e := range entries {
		entry, err := e.Decode()
		if err != nil {
			return nil, err
		}
		for _, tx := range entry.Transactions {
			for _, effect := range tx.Effects {
				last[effect.Channel] = e.Position
			}
		}
	}
	return last, p.record.Log(entries)
}

// words are the last of the hubs, for who looks into a scene that failed.
func (w *world) words() (text string) {
	for _, hub := range w.hubs {
		if hub.words != nil {
			text += fmt.Sprintf("--- %s\n%s\n", hub.name, hub.words)
		}
	}
	return text
}

// until waits until something is so, which has to be.
func (p *play) until(what string, so func() bool) {
	if !p.wait(patience, so) {
		p.fail("waited in vain until %s", what)
	}
}

// wait waits until something is so, but not for longer than it is given.
func (p *play) wait(most time.Duration, so func() bool) bool {
	for late := time.Now().Add(most); !so(); {
		if time.Now().After(late) {
			return false
		}
		select {
		case <-p.ctx.Done():
			return false
		case <-time.After(2 * time.Millisecond):
		}
	}
	return true
}

// PlayAll builds the mutants and plays every scene twice, and says what came of each. It is an error if a mutant is not
// found by its checker, or if anything is found in Baton as it is.
func PlayAll(ctx context.Context, root, bin string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "baton-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "baton-mutants")
	if err := Build(root, program, out); err != nil {
		return err
	}
	var trouble []error
	for _, m := range Mutants {
		err := m.Found(ctx, bin, program, filepath.Join(dir, m.Name))
		if err != nil {
			trouble = append(trouble, err)
			fmt.Fprintf(out, "FAILED %-26s %v\n", m.Name, err)
			continue
		}
		fmt.Fprintf(out, "found  %-26s %s: %s\n", m.Name, m.Promise, m.Fault)
	}
	if len(trouble) > 0 {
		return fmt.Errorf("%d of %d mutants are not told from Baton", len(trouble), len(Mutants))
	}
	return nil
}

// Found plays the scene with Baton as it is, which has to be green, and with the mutant, which has to be found by the checker
// that is meant for it, in one of a few plays.
func (m Mutant) Found(ctx context.Context, bin, program, dir string) error {
	stage := Stage{NATS: filepath.Join(bin, "nats-server"), Baton: filepath.Join(bin, "baton"), Dir: filepath.Join(dir, "as-it-is")}
	for _, path := range []string{stage.NATS, stage.Baton, program} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w: make build bin/nats-server", err)
		}
	}
	found, err := m.Play(ctx, stage, false)
	if err != nil {
		return err
	}
	for _, v := range found {
		return fmt.Errorf("in Baton as it is: %v (of %d)", v, len(found))
	}
	// What some do shows only when several things come together, and whether they do is not ours to say.
	for play := range plays {
		stage.Baton, stage.Dir = program, filepath.Join(dir, fmt.Sprint("mutant-", play+1))
		if found, err = m.Play(ctx, stage, true); err != nil {
			return err
		}
		if slices.ContainsFunc(found, func(v check.Violation) bool { return v.Promise == m.Promise }) {
			return nil
		}
	}
	return fmt.Errorf("%s is not found to be broken though %s, in %d plays; found at last is %v", m.Promise, m.Fault, plays, found)
}

// plays is how often a mutant is given the chance to do what it does.
const plays = 5
