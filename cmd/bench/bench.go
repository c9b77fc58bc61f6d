package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

// Options say what is measured, and how.
type Options struct {
	Scenarios   []string // Optional. Default: all.
	Connections []int    // Optional. How many; default: those of each scenario.
	Rate        float64  // Optional. Values a second of fixed rates; default: so many that 20,000 are delivered.
	Bytes       int      // Optional. Of a value; default 128.
	Duration    time.Duration
	Patience    time.Duration // Optional. How long nothing may come, until what is missing counts as lost; default 10 s.
	Rounds      int
	Quick       bool // everything smaller and shorter

	Target string // Optional. URL of a hub that runs; default: one is started.
	Token  string // With Target: of a program.
	Cookie string // With Target, instead: of a login session.
	PID    int    // With Target, optional: its process, if it is on this machine.

	Program []string                                                            // this program, to be started as a child
	Mint    func(ctx context.Context, data, space, name string) (string, error) // a token of the hub that runs on a folder
	Rival   *Rival                                                              // Optional. Takes turns with the hub, instead of the floor.
	Lie     string                                                              // Optional. What the floor does wrong, for tests.
	Step    func(what string, done, total int)                                  // Optional. Is told of each turn.
	Version string
}

// filled returns the options with the defaults.
func (o Options) filled() Options {
	quick := func(normal, quick int) int {
		if o.Quick {
			return quick
		}
		return normal
	}
	if o.Bytes == 0 {
		o.Bytes = 128
	}
	if o.Rounds == 0 {
		o.Rounds = quick(3, 2)
	}
	if o.Duration == 0 {
		o.Duration = time.Duration(quick(4000, 1000)) * time.Millisecond
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	if len(o.Scenarios) == 0 {
		o.Scenarios = Names()
	}
	if o.Step == nil {
		o.Step = func(string, int, int) {}
	}
	return o
}

// mostRate is more than any server can do.
const mostRate = 1e9

// check refuses what cannot be measured.
func (o Options) check() error {
	for _, name := range o.Scenarios {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("there is no scenario %q: there are %s", name, strings.Join(Names(), ", "))
		}
	}
	for _, n := range o.Connections {
		if n < 1 || n > 1_000_000 {
			return errors.New("--connections are 1 to 1000000 each")
		}
	}
	switch {
	case o.Bytes < leastBytes || o.Bytes > 256<<10:
		return fmt.Errorf("--bytes is %d to %d", leastBytes, 256<<10)
	case !(o.Rate >= 0 && o.Rate <= mostRate): // a number that is none is neither
		return errors.New("--rate is a number of values a second, 1e9 at most")
	case o.Rounds < 1 || o.Rounds > 1000:
		return errors.New("--rounds is 1 or more")
	case o.Duration < 50*time.Millisecond:
		return errors.New("--duration is 50ms or more")
	case o.Patience < 50*time.Millisecond:
		return errors.New("--patience is 50ms or more")
	case o.Target == "" && (o.Token != "" || o.Cookie != "" || o.PID != 0):
		return errors.New("--token, --cookie and --pid are those of a --target")
	case o.Target != "" && o.Token == "" && o.Cookie == "":
		return errors.New("a --target needs a token: BATON_TOKEN, BATON_TOKEN_FILE or --token, or --cookie")
	case o.Lie != "" && o.Lie != "lose" && o.Lie != "repeat":
		return errors.New("--lie is lose or repeat")
	}
	return nil
}

// A UsageError says what is wrong with the Options.
type UsageError struct{ error }

// A bench is one run.
type bench struct {
	options Options
	report  *Report
	blind   bool // this system does not tell what other processes use
	done    int
	total   int
}

// Run measures. What it has measured so far is in the report when it fails.
func Run(ctx context.Context, o Options) (*Report, error) {
	o = o.filled()
	if err := o.check(); err != nil {
		return nil, UsageError{err}
	}
	b := &bench{options: o, report: newReport(o)}
	if _, err := processorTime(os.Getpid()); err != nil {
		b.report.note("%v", err)
		b.blind = true
	}
	if o.Target != "" && o.PID == 0 {
		b.report.note("The processor time and memory of the target are not known, so there is nothing to compare with the floor: name its process with --pid, if it is on this machine.")
	}
	var plan []planned
	for _, name := range o.Scenarios {
		for _, s := range scenarios {
			if s.name == name {
				plan = append(plan, b.plan(s)...)
			}
		}
	}
	for _, p := range plan {
		if err := needFiles(p.size + p.more); err != nil {
			return nil, err
		}
		b.total += o.Rounds * len(b.servers(p.scenario))
	}
	for _, p := range plan {
		if err := b.measure(ctx, p); err != nil {
			return b.report, fmt.Errorf("%s, %d connections: %w", p.name, p.size, err)
		}
	}
	return b.report, nil
}

// planned is a scenario with a size.
type planned struct {
	scenario
	size int
	rate float64
}

// deliveries is how many a second a fixed rate comes to.
const deliveries = 20_000

// plan says with which sizes a scenario is measured.
func (b *bench) plan(s scenario) (all []planned) {
	o := b.options
	sizes := s.sizes
	switch {
	case s.fixed:
	case len(o.Connections) > 0:
		sizes = o.Connections
	case o.Quick:
		sizes = []int{s.quick}
	default:
		sizes = slices.Clone(sizes)
		most := mostConnections() - s.more
		for i, n := range sizes {
			if n > most && most >= 10 { // with fewer none is possible, which is said later
				sizes[i] = most / 10 * 10
				b.report.note("%s is measured with %d connections instead of %d, because of the limit of open files (ulimit -n)", s.name, sizes[i], n)
			}
		}
		sizes = slices.Compact(sizes)
	}
	for _, n := range sizes {
		p := planned{scenario: s, size: n}
		switch {
		case s.flatOut:
		case o.Rate > 0:
			p.rate = o.Rate
		case s.rate > 0:
			p.rate = s.rate
		default:
			p.rate = max(1, float64(deliveries/cmp.Or(s.each, n)))
		}
		all = append(all, p)
	}
	return all
}

// servers names those that take turns.
func (b *bench) servers(s scenario) []string {
	if !s.floor || b.options.Target != "" && b.options.PID == 0 {
		return []string{"hub"}
	}
	if b.options.Rival != nil {
		return []string{"hub", "rival"}
	}
	return []string{"hub", "floor"}
}

// measure measures one scenario, in turns.
func (b *bench) measure(ctx context.Context, p planned) error {
	running := map[string]*server{}
	stop := func() {
		for name, s := range running {
			s.stop()
			delete(running, name)
		}
	}
	defer stop()
	result := b.report.begin(p, b.options)
	defer func() { result.judge(p, b.options.Rival) }() // of what was measured, if it is interrupted
	for round := 1; round <= b.options.Rounds; round++ {
		for _, name := range b.servers(p.scenario) {
			b.options.Step(fmt.Sprintf("%s, %d connections: %s, round %d of %d", p.name, p.size, name, round, b.options.Rounds), b.done, b.total)
			if running[name] == nil {
				s, err := b.start(ctx, p, name)
				if err != nil {
					return err
				}
				if b.blind {
					s.pid = 0
				}
				running[name] = s
			}
			t, err := b.turn(ctx, p, running[name])
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", name, round, err)
			}
			result.Turns = append(result.Turns, t)
			b.done++
		}
		if p.fresh {
			stop()
		}
	}
	b.options.Step(p.name, b.done, b.total)
	return nil
}

// start starts a server, or finds the one that runs.
func (b *bench) start(ctx context.Context, p planned, name string) (*server, error) {
	o := b.options
	switch {
	case name == "floor":
		return b.startFloor(ctx, p.flatOut)
	case name == "rival":
		s, err := o.Rival.Start(ctx)
		if err != nil {
			return nil, fmt.Errorf("starting %s: %w", o.Rival.Name, err)
		}
		return &server{name: name, url: s.URL, pid: s.PID, stop: s.Stop, dialect: o.Rival.Client}, nil
	case o.Target != "":
		return &server{name: name, url: strings.TrimSuffix(o.Target, "/"), token: o.Token, cookie: o.Cookie, pid: o.PID, stop: func() {}}, nil
	}
	return b.startHub(ctx, p.scenario.site(p.size))
}

// turn measures one server once.
func (b *bench) turn(ctx context.Context, p planned, s *server) (Turn, error) {
	t := &turn{
		crew: &crew{server: s, bytes: b.options.Bytes, began: time.Now(), run: fmt.Sprintf("bench-%08x", rand.Uint32()), log: p.log, patience: b.options.Patience},
		size: p.size, rate: p.rate, duration: b.options.Duration,
	}
	t.result.Server = s.name
	err := p.run(ctx, t)
	t.crew.close()
	t.running.Wait()
	if err == nil {
		err = t.failed()
	}
	return t.result, err
}
