package bench

import (
	"fmt"
	"runtime"
	"slices"
	"time"
)

// Format names the form of the JSON report. Fields may be added to it; one that changes its meaning makes another format.
const Format = "baton-bench/1"

// A Report is what a run has measured.
type Report struct {
	Format  string    `json:"format"`
	Version string    `json:"version"` // of baton
	Began   time.Time `json:"began"`
	Machine Machine   `json:"machine"`
	Rival   string    `json:"rival,omitempty"`  // what it was compared with instead of the floor
	Target  string    `json:"target,omitempty"` // the URL; none: hubs that the run started, durable and synced with every commit
	Notes   []string  `json:"notes,omitempty"`  // what was not measured, and why

	Scenarios  []*Scenario `json:"scenarios"`
	Lost       uint64      `json:"lost"`       // deliveries that never came, in all of it
	Duplicated uint64      `json:"duplicated"` // deliveries that came again
}

// A Machine is where it was measured.
type Machine struct {
	OS         string  `json:"os"`
	Arch       string  `json:"arch"`
	Kernel     string  `json:"kernel"`
	Processors int     `json:"processors"`
	Go         string  `json:"go"`
	Load       float64 `json:"load,omitempty"` // how many processes wanted to run, in the minute before
}

// A Scenario is one of the scenarios with one number of connections.
type Scenario struct {
	Name        string  `json:"name"`
	What        string  `json:"what"`
	Connections int     `json:"connections"`
	Bytes       int     `json:"bytes"`            // of a value
	Rate        float64 `json:"rate,omitempty"`   // values written a second; none: flat out
	Seconds     float64 `json:"duration_s"`       // of a turn, as it was asked for
	Per         string  `json:"per"`              // what cpu_us is for one of
	Turns       []Turn  `json:"turns"`            // in the order in which they were measured
	Hub         *Turn   `json:"hub"`              // medians of its turns; what is counted is the sum
	Floor       *Turn   `json:"floor,omitempty"`  // likewise
	Rival       *Turn   `json:"rival,omitempty"`  // likewise
	Checks      []Check `json:"checks,omitempty"` // ratios and figures that tell most, some with a target
}

// A Turn is one measurement of one server.
type Turn struct {
	Server     string   `json:"server"`                  // hub, floor or rival
	Written    uint64   `json:"written"`                 // values, those before measuring began included
	Delivered  uint64   `json:"delivered"`               // likewise
	Spared     uint64   `json:"spared,omitempty"`        // values that a slow reader got newer ones instead of
	Messages   uint64   `json:"messages"`                // WebSocket messages that had a delivery or more
	Bytes      uint64   `json:"message_bytes"`           // in those
	Closed     uint64   `json:"closed,omitempty"`        // slow clients that were closed, and came back
	Lost       uint64   `json:"lost"`                    // of those who read, what never came
	Duplicated uint64   `json:"duplicated"`              // what came again
	Seconds    float64  `json:"seconds"`                 // that were measured
	PerSecond  float64  `json:"per_second,omitempty"`    // deliveries a second; of writes, writes a second
	CPUSeconds float64  `json:"cpu_s,omitempty"`         // of the server's process, user and system
	CPU        float64  `json:"cpu_us,omitempty"`        // microseconds of it for each, see per
	RSS        float64  `json:"rss_kib,omitempty"`       // KiB of memory that a connection adds
	Others     float64  `json:"others_p99_us,omitempty"` // slow: the p99 of the others while some are slow
	Latency    *Latency `json:"latency_us,omitempty"`    // from when a value was due
}

// A Check is a figure with its target; without either bound it has none, and is met.
type Check struct {
	Figure string  `json:"figure"`
	Value  float64 `json:"value"` // the median over the rounds
	Most   float64 `json:"at_most,omitempty"`
	Least  float64 `json:"at_least,omitempty"`
	Met    bool    `json:"met"`
}

func newReport(o Options) *Report {
	r := &Report{
		Format: Format, Version: o.Version, Began: time.Now().UTC().Round(time.Second), Target: o.Target, Scenarios: []*Scenario{},
		Machine: Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: kernel(), Processors: runtime.NumCPU(), Go: runtime.Version(), Load: load()},
	}
	if o.Rival != nil {
		r.Rival = o.Rival.Name
	}
	if m := r.Machine; m.Load > float64(m.Processors) {
		r.note("The load of this machine was %.3g on %d processors before it began: seconds tell little, ratios suffer.", m.Load, m.Processors)
	}
	return r
}

// note adds a note, once.
func (r *Report) note(format string, arguments ...any) {
	if text := fmt.Sprintf(format, arguments...); !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

func (r *Report) begin(p planned, o Options) *Scenario {
	s := &Scenario{Name: p.name, What: p.what, Connections: p.size, Bytes: max(o.Bytes, p.leastBytes), Rate: p.rate, Seconds: o.Duration.Seconds(), Per: p.per}
	r.Scenarios = append(r.Scenarios, s)
	return s
}

// Wrong says how many deliveries were lost or came again, of the hub and of what it was compared with.
func (r *Report) Wrong() (lost, duplicated uint64) {
	for _, s := range r.Scenarios {
		for _, t := range s.Turns {
			lost += t.Lost
			duplicated += t.Duplicated
		}
	}
	return lost, duplicated
}

// Missed names the figures that are not what they should be.
func (r *Report) Missed() (missed []string) {
	for _, s := range r.Scenarios {
		for _, c := range s.Checks {
			if !c.Met {
				missed = append(missed, fmt.Sprintf("%s of %d: %s is %s", s.Name, s.Connections, c.Figure, figure(c.Value)))
			}
		}
	}
	return missed
}

// judge sums up the turns so far.
func (s *Scenario) judge(p planned, rival *Rival) {
	of := map[string][]Turn{}
	for _, t := range s.Turns {
		of[t.Server] = append(of[t.Server], t)
	}
	s.Hub, s.Floor, s.Rival, s.Checks = middle(of["hub"]), middle(of["floor"]), middle(of["rival"]), nil
	for _, c := range p.checks {
		if p.size >= c.from && (!c.ratio || s.Floor != nil) {
			s.hold(c, of["hub"], of["floor"])
		}
	}
	for _, c := range rival.checks(p) {
		s.hold(c, of["hub"], of["rival"])
	}
}

// hold holds a figure of the hub, and of the other one's turns that followed, against its target.
func (s *Scenario) hold(c check, hub, other []Turn) {
	var values []float64
	for i := range hub {
		var after Turn
		if i < len(other) {
			after = other[i]
		}
		values = append(values, c.of(hub[i], after))
	}
	if value := median(values); value != 0 || c.least > 0 && !c.ratio && len(hub) > 0 { // else it is not known here
		s.Checks = append(s.Checks, Check{
			Figure: c.figure, Value: value, Most: c.most, Least: c.least, Met: (c.most == 0 || value <= c.most) && value >= c.least,
		})
	}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// middle is the median of each figure, and the sum of what was counted.
func middle(turns []Turn) *Turn {
	if len(turns) == 0 {
		return nil
	}
	m := &Turn{Server: turns[0].Server}
	for _, t := range turns {
		m.Written += t.Written
		m.Delivered += t.Delivered
		m.Spared += t.Spared
		m.Closed += t.Closed
		m.Messages += t.Messages
		m.Bytes += t.Bytes
		m.Lost += t.Lost
		m.Duplicated += t.Duplicated
	}
	of := func(figure func(Turn) float64) float64 {
		var values []float64
		for _, t := range turns {
			values = append(values, figure(t))
		}
		return median(values)
	}
	m.Seconds = of(func(t Turn) float64 { return t.Seconds })
	m.PerSecond = of(func(t Turn) float64 { return t.PerSecond })
	m.CPUSeconds = of(func(t Turn) float64 { return t.CPUSeconds })
	m.CPU = of(func(t Turn) float64 { return t.CPU })
	m.RSS = of(func(t Turn) float64 { return t.RSS })
	m.Others = of(func(t Turn) float64 { return t.Others })
	latency := func(figure func(*Latency) float64) float64 {
		return of(func(t Turn) float64 {
			if t.Latency == nil {
				return 0
			}
			return figure(t.Latency)
		})
	}
	if turns[0].Latency != nil {
		m.Latency = &Latency{
			latency(func(l *Latency) float64 { return l.P50 }), latency(func(l *Latency) float64 { return l.P99 }),
			latency(func(l *Latency) float64 { return l.P999 }), latency(func(l *Latency) float64 { return l.Max }),
		}
	}
	return m
}
