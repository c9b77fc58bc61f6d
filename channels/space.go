package channels

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what a Space is made of.
type Options struct {
	Name      string       // Required. The space, for messages.
	Log       Log          // Required. Its one log.
	Snapshots Snapshots    // Optional. Without, the log is kept whole.
	Authority Authority    // Required. Who people are.
	Rules     *Rules       // Optional. This node's rules: put in force if their version is higher than what is.
	Watcher   Watcher      // Optional. Told of every entry. It may be a Meter, too.
	Logger    *slog.Logger // Optional. Default: silent.

	// Optional. Called while a replica is read, every now and then, with how many lines of the snapshot and records of the
	// log it has read and how many there are, 0 as long as that is not known; in the end both are the same. It is called
	// from Open, and from another goroutine when the replica has to be read anew; it must not block.
	Progress func(done, total int)

	// How long a proposal may go unanswered. Default 15 s, DESIGN §2.
	Patience time.Duration
}

// A Watcher follows a space. Its methods are called from Open and then from the space's goroutine, in order. They must not block, and of
// the space they may call Propose only.
type Watcher interface {
	// Applied is called after each entry with the state that it led to, before anybody else can read that state: so
	// whoever is inside Space.Read sees the watcher and the state at the same position. The state is the call's only.
	Applied(state *State, c Change)
	// Freshness is called when the log can no longer be reached, with the time since which, and with the zero time
	// when it can again.
	Freshness(staleSince time.Time)
}

// A Change is one step of a replica.
type Change struct {
	Position uint64
	Time     time.Time
	Entry    *Entry
	Reset    bool // the state was read anew, back or forth: any key may have changed, Entry is nil. The first is of Open
}

// A Space is this node's replica of one shared thing, and its way to change it: proposals are decided on the replica
// and committed to the log; what comes back from the log, own entries like all others, is applied and only then
// answered. See the package comment for the argument.
type Space struct {
	// Set at construction.
	options Options
	logger  *slog.Logger
	meter   Meter
	node    string // random: names this replica as a client of its own operations
	cancel  context.CancelFunc
	ended   chan struct{} // closed when run has returned
	wake    chan struct{} // something is in the inbox
	running sync.WaitGroup
	ownOps  atomic.Uint64 // operations of this replica's own, so far

	// Guarded by mu; changed by run alone, which therefore reads them without it.
	mu      sync.RWMutex
	state   *State
	waiters []*waiter
	stale   time.Time // since when; zero = fresh

	// Guarded by mu.
	problem error // why this node is not ready to serve the space, nil if it is
	differs error // likewise, because its rules are not those in force
	behind  error // why the state cannot be taken for what the log holds, nil if it can; changed by run alone

	// Guarded by inboxMu.
	inboxMu    sync.Mutex
	inbox      []*waiting
	unanswered int // proposals without an answer
	closed     bool

	loop loop // owned by run
}

type waiter struct {
	position uint64
	reached  chan struct{}
}

// maxWaiting bounds the proposals without an answer; more are refused as busy.
const maxWaiting = 20_000

// Open brings up a replica: the newest snapshot, then the log to its present end. It returns once the replica has
// caught up, has begun the log if it is new, and has put Options.Rules in force if they are newer. ctx bounds opening
// only; Close ends the Space.
func Open(ctx context.Context, o Options) (*Space, error) {
	if o.Patience == 0 {
		o.Patience = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Space{
		options: o, logger: o.Logger.With("space", o.Name), meter: meterOf(o.Watcher), node: "hub-" + rand.Text()[:12],
		ended: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	var err error
	s.state, err = s.rebuild(ctx)
	if errors.Is(err, errGap) { // perhaps another node has just made a snapshot
		s.state, err = s.rebuild(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("opening space %s: %w", o.Name, err)
	}
	if o.Watcher != nil && s.state.position > 0 {
		o.Watcher.Applied(s.state, Change{Position: s.state.position, Time: s.state.time, Reset: true})
	}
	runCtx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go s.run(runCtx)
	if err := s.begin(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("opening space %s: %w", o.Name, err)
	}
	return s, nil
}

// begin begins the log if it is new, and installs the rules.
func (s *Space) begin(ctx context.Context) error {
	if s.Epoch() == "" {
		if o := s.House(ctx, commitEpoch("", newEpoch())); o.Err != nil {
			return fmt.Errorf("beginning the log: %w", o.Err)
		}
	}
	if s.options.Rules == nil {
		return nil
	}
	return s.PutInForce(ctx, s.options.Rules)
}

// PutInForce puts a node's rules in force if they are newer than those that are. Afterwards Problem says whether those in
// force are others of the same version; that newer ones are in force is none.
func (s *Space) PutInForce(ctx context.Context, rules *Rules) error {
	if o := s.House(ctx, commitRules(rules)); o.Err != nil {
		return fmt.Errorf("putting the rules in force: %w", o.Err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.differs = nil
	if p := s.state.Rules(); p.Version == rules.Version && !p.Same(rules) {
		s.differs = rulesDiffer(rules.Version)
	}
	return nil
}

// newEpoch returns a random name for a life of the log; it has no dash, see Cursor.
func newEpoch() string { return rand.Text()[:10] }

// Close ends the replica. Proposals without an answer get one: unavailable, or unknown if perhaps committed.
func (s *Space) Close() {
	s.cancel()
	<-s.ended
	s.running.Wait()
}

// Name returns the name of the space.
func (s *Space) Name() string { return s.options.Name }

// Read calls f with the present state, which must neither be changed nor kept.
func (s *Space) Read(f func(*State)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f(s.state)
}

// Epoch returns the present epoch.
func (s *Space) Epoch() (epoch string) {
	s.Read(func(state *State) { epoch = state.Epoch() })
	return epoch
}

// Stale returns since when the log cannot be reached; zero if it can.
func (s *Space) Stale() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stale
}

// Problem returns why this node is not ready to serve the space, nil if it is. As long as the replica is not what the
// log holds, Read shows what it was before, WaitFor waits, and nothing is decided.
func (s *Space) Problem() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.behind != nil {
		return s.behind
	}
	return cmp.Or(s.problem, s.differs)
}

// WaitFor waits until the replica has reached a position that a client has seen, for 2 s at most (DESIGN §2); then it
// returns an *Uncertain with CodeStale.
func (s *Space) WaitFor(ctx context.Context, position uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if s.reach(ctx, position) != nil {
		return &Uncertain{Code: CodeStale, Detail: "this node has not caught up with what you have seen: try again"}
	}
	return nil
}

func (s *Space) reach(ctx context.Context, position uint64) error {
	s.mu.Lock()
	if s.behind == nil && s.state.position >= position {
		s.mu.Unlock()
		return nil
	}
	w := &waiter{position, make(chan struct{})}
	s.waiters = append(s.waiters, w)
	s.mu.Unlock()
	select {
	case <-w.reached:
		return nil
	case <-s.ended:
		return errors.New("the space was closed")
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiters = slices.DeleteFunc(s.waiters, func(other *waiter) bool { return other == w })
		return context.Cause(ctx)
	}
}

// Propose hands in a transaction. It does not block; p.Done gets the outcome, in rare cases (closed, far too much
// waiting) during the call.
func (s *Space) Propose(p Proposal) {
	began, answer := time.Now(), p.Done
	w := &waiting{Proposal: &p, hash: HashBody(p.Body), deadline: began.Add(s.options.Patience - tick)}
	if p.Within > 0 {
		w.deadline = began.Add(min(p.Within, s.options.Patience-tick))
	}
	p.Done = func(o Outcome) {
		s.inboxMu.Lock()
		s.unanswered--
		s.inboxMu.Unlock()
		s.meter.Answered(CodeOf(o.Err), time.Since(began))
		answer(o)
	}
	s.inboxMu.Lock()
	switch {
	case s.closed:
		s.inboxMu.Unlock()
		s.meter.Answered(CodeUnavailable, 0)
		answer(Outcome{Err: &Uncertain{CodeUnavailable, p.Op, "this node is leaving: send it again to another"}})
	case s.unanswered >= maxWaiting:
		s.inboxMu.Unlock()
		s.meter.Answered(CodeOverloaded, 0)
		answer(Outcome{Err: Refuse(CodeOverloaded, "%d operations wait for their turn: send it again a little later", maxWaiting)})
	default:
		s.unanswered++
		s.inbox = append(s.inbox, w)
		s.inboxMu.Unlock()
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// Do proposes and waits. It returns within Options.Patience; if ctx ends first, the outcome is unknown.
func (s *Space) Do(ctx context.Context, p Proposal) Outcome { return Await(ctx, p, s.Propose) }

// Await is Do with another way to propose.
func Await(ctx context.Context, p Proposal, propose func(Proposal)) Outcome {
	outcome := make(chan Outcome, 1)
	p.Done = func(o Outcome) { outcome <- o }
	propose(p)
	select {
	case o := <-outcome:
		return o
	case <-ctx.Done():
		return Outcome{Err: &Uncertain{CodeUnknown, p.Op, "nobody waited for the answer: send the same operation again"}}
	}
}

// House commits a decision of the hub itself, under an operation id of this replica's own.
func (s *Space) House(ctx context.Context, decide Decide) Outcome {
	return s.Do(ctx, Proposal{Op: s.nextOp(), Urgent: true, Decide: decide})
}

// nextOp returns an operation id of this replica's own.
func (s *Space) nextOp() Op { return Op{Client: s.node, N: s.ownOps.Add(1)} }

// ProposeOwn is House without waiting for the outcome, which done gets, and on behalf of a login session or token if
// actor is not empty.
func (s *Space) ProposeOwn(actor string, decide Decide, done func(Outcome)) {
	s.Propose(Proposal{Op: s.nextOp(), Actor: actor, Urgent: true, Decide: decide, Done: done})
}
