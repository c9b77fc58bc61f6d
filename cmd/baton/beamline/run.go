package beamline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"time"
)

// Options of Run.
type Options struct {
	// Logger gets what goes wrong between the beamline and the hub. Default: slog.Default().
	Logger *slog.Logger
	// Every is how often a moving beamline publishes. Default: 100 ms, ten times a second.
	Every time.Duration
}

// shell runs a Beamline against a Hub.
type shell struct {
	// Set at construction.
	hub    Hub
	logger *slog.Logger
	every  time.Duration
	facts  *Facts
	values map[string]func() map[string]Stored // the stores that are followed
	outbox *outbox

	changed chan struct{} // users have changed samples or queue; holds at most one
	calls   chan request
	heard   chan goOn     // holds some; of more, one is as good as another
	ended   chan struct{} // closed when the owner of the beamline takes no more calls

	// Owned by loop.
	beamline *Beamline
	last     time.Time
	waiting  map[string]chan Ended
}

// goOn is what a page sends over the signal "jog" while a button is held.
type goOn struct{ user, jog string }

type request struct {
	command Command
	reply   chan Ended // holds one
}

// Run runs the beamline until ctx ends, and returns why it ended. It writes what is missing or different in the stores
// "equipment" and "run", adds the samples that are missing to "samples", and then serves the commands.
func Run(ctx context.Context, hub Hub, options Options) error {
	facts, err := LoadFacts()
	if err != nil {
		return err
	}
	s := &shell{
		hub: hub, logger: options.Logger, every: orDefault(options.Every, 100*time.Millisecond), facts: facts,
		values:  map[string]func() map[string]Stored{},
		changed: make(chan struct{}, 1), calls: make(chan request), heard: make(chan goOn, 64), ended: make(chan struct{}),
		waiting: map[string]chan Ended{},
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	found, err := s.find(ctx)
	if err != nil {
		return err
	}
	s.outbox = newOutbox(hub, s.logger, s.values["samples"])
	s.beamline, s.last = New(facts, found), time.Now()
	s.publishFirst(found)

	ctx, cancel := context.WithCancel(ctx)
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.outbox.run(ctx)
	}()
	s.hub.Listen("jog", s.hear)
	err = s.hub.Serve(ctx, s.handlers())
	if err == nil {
		err = s.loop(ctx)
	}
	close(s.ended)
	cancel()
	<-written
	return err
}

// find joins the stores and reads what they hold.
func (s *shell) find(ctx context.Context) (Found, error) {
	for _, store := range []string{"motors", "equipment", "run", "samples", "queue"} {
		changed := func() {}
		if store == "samples" || store == "queue" {
			changed = s.noteChange
		}
		values, err := s.hub.Follow(ctx, store, changed)
		if err != nil {
			return Found{}, fmt.Errorf("following the store %s: %w", store, err)
		}
		s.values[store] = values
	}
	if err := s.addSamples(ctx); err != nil {
		return Found{}, err
	}
	samples := readSamples(s.values["samples"]())
	for key, sample := range s.facts.Samples() {
		if _, there := samples[key]; !there {
			samples[key] = sample // written, but perhaps not back yet
		}
	}
	return Found{
		Motors: data(s.values["motors"]()), Equipment: data(s.values["equipment"]()), Run: data(s.values["run"]()),
		Samples: samples, Entries: readEntries(s.values["queue"]()),
	}, nil
}

// addSamples writes the samples that are missing, each only if it still is.
func (s *shell) addSamples(ctx context.Context) error {
	there := s.values["samples"]()
	for key, sample := range s.facts.Samples() {
		if _, is := there[key]; is {
			continue
		}
		err := s.hub.Write(ctx, "samples", map[string]any{key: sample}, map[string]uint64{key: 0})
		if err != nil && !errors.Is(err, ErrConflict) {
			return fmt.Errorf("adding the sample %s: %w", key, err)
		}
	}
	return nil
}

func (s *shell) hear(user string, data json.RawMessage) {
	var said struct {
		Jog string `json:"jog"`
	}
	if json.Unmarshal(data, &said) != nil || said.Jog == "" {
		return
	}
	select {
	case s.heard <- goOn{user, said.Jog}:
	default:
	}
}

func (s *shell) noteChange() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// publishFirst publishes what the stores do not already say.
func (s *shell) publishFirst(found Found) {
	out := s.beamline.TakeOutput()
	dropSame(out.Equipment, found.Equipment)
	dropSame(out.Run, found.Run)
	s.publish(out)
}

func (s *shell) loop(ctx context.Context) error {
	ticker := time.NewTicker(s.every)
	defer ticker.Stop()
	ticking := true
	for {
		if busy := s.beamline.Busy(); busy != ticking {
			ticking = busy
			if busy {
				ticker.Reset(s.every)
			} else {
				ticker.Stop()
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case r := <-s.calls:
			s.advance()
			s.waiting[r.command.Call] = r.reply
			s.beamline.Do(r.command)
		case said := <-s.heard:
			s.advance()
			s.beamline.GoOn(said.jog, said.user)
		case <-s.changed:
			s.advance()
			s.beamline.SetSamples(readSamples(s.values["samples"]()))
			s.beamline.SetEntries(readEntries(s.values["queue"]()))
			s.outbox.retry()
		case <-ticker.C:
			s.advance()
		}
		s.publish(s.beamline.TakeOutput())
	}
}

func (s *shell) advance() {
	now := time.Now()
	s.beamline.Advance(now.Sub(s.last))
	s.last = now
}

// publish hands an output on. It does not wait for the hub.
func (s *shell) publish(out Output) {
	motors := make(map[string]any, len(out.Motors))
	for name, m := range out.Motors {
		motors[name] = m
	}
	s.send("motors", motors)
	s.send("scan", out.Scan)
	s.outbox.add(out)
	for _, e := range out.Ended {
		if reply, waits := s.waiting[e.Call]; waits {
			reply <- e
			delete(s.waiting, e.Call)
		}
	}
}

func (s *shell) send(live string, set map[string]any) {
	if len(set) == 0 {
		return
	}
	if err := s.hub.Send(live, set); err != nil {
		s.logger.Warn("sending live values", "store", live, "error", err)
	}
}

// handlers returns one handler for each command: it hands the call to the loop and waits for its end.
func (s *shell) handlers() map[string]Handler {
	handlers := map[string]Handler{}
	for _, name := range Commands() {
		handlers[name] = func(ctx context.Context, call Call) (any, error) {
			r := request{
				command: Command{Call: call.ID, Name: name, Args: call.Args, By: call.By, User: call.User, At: time.Now()},
				reply:   make(chan Ended, 1),
			}
			select {
			case s.calls <- r:
			case <-s.ended:
				return nil, errors.New("the beamline has been switched off")
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			select {
			case e := <-r.reply:
				return e.Result, e.Err
			case <-s.ended:
				return nil, errSwitchedOff
			case <-ctx.Done():
				return s.giveUp(ctx, r)
			}
		}
	}
	return handlers
}

var errSwitchedOff = errors.New("the beamline was switched off meanwhile")

// stops are what ends a command on its way. What is not here goes on to its end, whatever the caller wishes by then.
var stops = map[string]string{"motor.move": "motor.stop", "motor.jog": "motor.stop", "queue.start": "queue.stop"}

// giveUp stops what a call has begun, which nobody wants any more or whose time is up, and waits for its end. If it is only
// that the client is being closed, the beamline goes on.
func (s *shell) giveUp(ctx context.Context, r request) (any, error) {
	if why := context.Cause(ctx); errors.Is(why, context.Canceled) {
		return nil, why
	}
	if name := stops[r.command.Name]; name != "" {
		var what struct {
			Motor string `json:"motor,omitempty"`
		}
		_ = json.Unmarshal(r.command.Args, &what) // has been read before
		args, err := json.Marshal(what)
		if err != nil {
			return nil, err
		}
		stop := Command{Call: r.command.Call + " given up", Name: name, Args: args, By: r.command.By, At: time.Now()}
		select {
		case s.calls <- request{command: stop, reply: make(chan Ended, 1)}:
		case <-s.ended:
		}
	}
	select {
	case e := <-r.reply:
		return e.Result, e.Err
	case <-s.ended:
		return nil, errSwitchedOff
	}
}

func data(values map[string]Stored) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage, len(values))
	for key, v := range values {
		m[key] = v.Data
	}
	return m
}

// readSamples reads what users may have written: a value that is no sample is one without a name.
func readSamples(values map[string]Stored) map[string]Sample {
	samples := make(map[string]Sample, len(values))
	for key, v := range values {
		var sample Sample
		_ = json.Unmarshal(v.Data, &sample)
		samples[key] = sample
	}
	return samples
}

func readEntries(values map[string]Stored) map[string]Entry {
	entries := make(map[string]Entry, len(values))
	for key, v := range values {
		entries[key] = ParseEntry(v.Data)
	}
	return entries
}

// dropSame removes from set what is stored already.
func dropSame(set map[string]any, stored map[string]json.RawMessage) {
	for key, value := range set {
		was, there := stored[key]
		if !there && value == nil || there && value != nil && sameJSON(was, value) {
			delete(set, key)
		}
	}
}

func sameJSON(stored json.RawMessage, value any) bool {
	encoded, err := json.Marshal(value)
	if err != nil {
		return false
	}
	var a, b any
	return json.Unmarshal(stored, &a) == nil && json.Unmarshal(encoded, &b) == nil && reflect.DeepEqual(a, b)
}
