package cmd

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/schollz/progressbar/v3"
)

// sayEvery is how often a long job says how far it is, where there is no terminal.
const sayEvery = 5 * time.Second

// jobs are the long jobs of this process: exports, imports, backups, restores, and replicas being read. It is told how far
// they are, and tells it to people (a bar on a terminal, lines in the log elsewhere) and to Prometheus. A job that is over
// before sayEvery leaves no line.
type jobs struct {
	// Set at construction.
	logger *slog.Logger
	bar    io.Writer // a terminal, or nil
	items  *prometheus.CounterVec
	now    func() time.Time
	wait   time.Duration // before a job has a bar: what is over at once needs none

	mu      sync.Mutex
	running map[*job]struct{} // guarded by mu
}

var ratio = prometheus.NewDesc("baton_job_progress_ratio",
	"How far a long job is that runs now, from 0 to 1.", []string{"job", "space"}, nil)

// newJobs returns the jobs of a process that writes to out: if that is a terminal, with bars.
func newJobs(out io.Writer, logger *slog.Logger) *jobs {
	j := &jobs{
		logger: logger, now: time.Now, running: map[*job]struct{}{},
		items: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_job_items_total", Help: "Lines, values and log records that long jobs have handled.",
		}, []string{"job", "space"}),
	}
	if f, ok := out.(*os.File); ok && isTerminal(f) {
		j.bar = f
	}
	return j
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Describe and Collect make jobs a prometheus.Collector.
func (j *jobs) Describe(c chan<- *prometheus.Desc) {
	c <- ratio
	j.items.Describe(c)
}

// Collect tells how far the jobs are that run now. Those of one kind in one space count as one; one that does not know its
// end is at 0.
func (j *jobs) Collect(c chan<- prometheus.Metric) {
	type sum struct{ done, total int }
	sums := map[[2]string]sum{}
	j.mu.Lock()
	for one := range j.running {
		key := [2]string{one.name, one.space}
		s := sums[key]
		sums[key] = sum{s.done + one.done, s.total + one.total}
	}
	j.mu.Unlock()
	for key, s := range sums {
		far := 0.0
		if s.total > 0 {
			far = min(1, float64(s.done)/float64(s.total))
		}
		c <- prometheus.MustNewConstMetric(ratio, prometheus.GaugeValue, far, key[0], key[1])
	}
	j.items.Collect(c)
}

// A job is one long job.
type job struct {
	// Set at construction.
	all         *jobs
	name, space string
	bytes       bool // what is counted are bytes, for the bar
	began       time.Time

	// Guarded by all.mu.
	done, total int
	said        time.Time
	spoken      bool
	shown       *progressbar.ProgressBar
}

// begin begins a job. space is empty for what is about the whole hub.
func (j *jobs) begin(name, space string) *job {
	now := j.now()
	return &job{all: j, name: name, space: space, began: now, said: now}
}

// ofBytes is a job that counts bytes.
func (o *job) ofBytes() *job {
	o.bytes = true
	return o
}

// From tells how much was done before the job began, by another that was interrupted.
func (o *job) From(done int) {
	o.all.mu.Lock()
	defer o.all.mu.Unlock()
	o.done = done
}

// Moved tells how far the job is; total is 0 as long as nobody knows. A job that has moved to its end is over, until it
// moves again.
func (o *job) Moved(done, total int) {
	j := o.all
	j.mu.Lock()
	defer j.mu.Unlock()
	if done > o.done {
		j.items.WithLabelValues(o.name, o.space).Add(float64(done - o.done))
	}
	o.done, o.total = done, total
	if total > 0 && done >= total {
		o.endLocked(nil)
		return
	}
	j.running[o] = struct{}{}
	o.showLocked()
}

func (o *job) showLocked() {
	j := o.all
	if j.bar != nil {
		switch {
		case o.shown == nil && j.now().Sub(o.began) < j.wait:
			return
		case o.shown == nil:
			o.shown = newBar(j.bar, o.label(), o.total, o.bytes)
		}
		if o.total > 0 {
			o.shown.ChangeMax(o.total)
		}
		_ = o.shown.Set(o.done) // a terminal that has gone is no reason to stop
		return
	}
	if now := j.now(); now.Sub(o.said) >= sayEvery {
		o.said, o.spoken = now, true
		facts := []any{"job", o.name, "done", o.done}
		if o.space != "" {
			facts = append(facts, "space", o.space)
		}
		if o.total > 0 {
			facts = append(facts, "of", o.total, "percent", 100*o.done/max(o.total, 1))
		}
		j.logger.Info("under way", facts...)
	}
}

// Ended tells that the job is over, and why if it failed.
func (o *job) Ended(err error) {
	o.all.mu.Lock()
	defer o.all.mu.Unlock()
	o.endLocked(err)
}

func (o *job) endLocked(err error) {
	j := o.all
	delete(j.running, o)
	if o.shown != nil {
		if err == nil {
			_ = o.shown.Finish()
		}
		_, _ = fmt.Fprintln(j.bar)
		o.shown = nil
	}
	if o.spoken && err == nil {
		j.logger.Info("done", "job", o.name, "space", o.space, "items", o.done, "took", j.now().Sub(o.began).Round(time.Millisecond).String())
	}
	if err != nil && j.bar == nil {
		j.logger.Warn("not done", "job", o.name, "space", o.space, "items", o.done, "error", err)
	}
	o.spoken = false
}

func (o *job) label() string {
	if o.space == "" {
		return o.name
	}
	return o.name + " " + o.space
}

// newBar returns a bar, or a count if nobody knows how much there is.
func newBar(to io.Writer, label string, total int, bytes bool) *progressbar.ProgressBar {
	if total == 0 {
		total = -1
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(to), progressbar.OptionSetDescription(label), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionFullWidth(), progressbar.OptionShowBytes(bytes))
}
