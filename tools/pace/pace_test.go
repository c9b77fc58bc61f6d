package pace

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	tabsOfNode  = 3  // that every write is shown to
	manyWriters = 64 // that write at once, over all nodes
)

// BenchmarkClusterWrite is one write after the other, on each node in turn, until every tab of every node was shown it; and in
// turns with them, what NATS takes by itself: to store a record like it on most of three disks, and for a question to a
// client of another server. The ratio is of the first: no write is shown before it is stored. That of the second is told as
// well.
func BenchmarkClusterWrite(b *testing.B) {
	l, run := begin(b)
	r := openRaw(b, l)
	nodes := len(l.Hubs)
	shown := make(chan time.Time, nodes*tabsOfNode)
	tabs, writers := open(b, l, run, tabsOfNode, nodes, shown)
	hub, stored, echoed := make([][]time.Duration, nodes), []time.Duration{}, []time.Duration{}
	for b.Loop() {
		for i, w := range writers {
			hub[i] = append(hub[i], untilShown(b, w, tabs, shown))
			began := time.Now()
			r.publish(b, i)
			stored = append(stored, time.Since(began))
			began = time.Now()
			r.echo(b, l, i)
			echoed = append(echoed, time.Since(began))
		}
	}
	check(b, l, run, tabs, writers)
	all := slices.Concat(hub...)
	var each []float64
	for _, one := range hub {
		each = append(each, percentile(one, 50))
	}
	b.ReportMetric(percentile(all, 50), "shown-p50-µs")
	b.ReportMetric(percentile(all, 99), "shown-p99-µs")
	b.ReportMetric(slices.Min(each), "shown-p50-of-best-node-µs") // which is the home of the space
	b.ReportMetric(slices.Max(each), "shown-p50-of-worst-node-µs")
	b.ReportMetric(percentile(stored, 50), "stored-p50-µs")
	b.ReportMetric(percentile(echoed, 50), "echo-p50-µs")
	b.ReportMetric(percentile(all, 50)/percentile(stored, 50), "of-stored-p50")
	b.ReportMetric(percentile(all, 50)/percentile(echoed, 50), "of-echo-p50")
}

// open makes tabs on each node, and writers, the first of which are one on each node.
func open(tb testing.TB, l *lab, run string, tabsEach, writersAll int, shown chan time.Time) (tabs []*tab, writers []*writer) {
	tb.Helper()
	for node := range l.Hubs {
		for i := range tabsEach {
			tabs = append(tabs, openTab(tb, l, run, node, i, shown))
		}
	}
	for i := range writersAll {
		writers = append(writers, openWriter(tb, l, run, i%len(l.Hubs), i))
	}
	return tabs, writers
}

// untilShown writes, and returns how long it took until the last tab was shown it. The answer has come too by then.
func untilShown(tb testing.TB, w *writer, tabs []*tab, shown <-chan time.Time) time.Duration {
	tb.Helper()
	began := time.Now()
	if err := w.send(); err != nil {
		tb.Fatal(err)
	}
	last, late := began, time.After(patience)
	for range tabs {
		select {
		case at := <-shown:
			if at.After(last) {
				last = at
			}
		case <-late:
			tb.Fatal("a write was not shown to every tab")
		}
	}
	if err := w.answered(); err != nil {
		tb.Fatal(err)
	}
	return last.Sub(began)
}

// BenchmarkClusterCommits is 64 writers on the three nodes that each wait for the answer to one write before they send the
// next, in rounds of a second, after which all that was written has to be with every node.
func BenchmarkClusterCommits(b *testing.B) {
	l, run := begin(b)
	tabs, writers := open(b, l, run, 1, manyWriters, nil)
	rates, busy, commits := []float64{}, usedBy(b, l), uint64(0)
	_, before := board(b, l, 0) // the tabs of earlier runs have seen everything, so it is the newest
	for b.Loop() {
		began := time.Now()
		done := together(b, writers, func(uint64) bool { return time.Since(began) < time.Second })
		commits += done
		await(b, tabs, commits)
		rates = append(rates, float64(done)/time.Since(began).Seconds())
	}
	now := usedBy(b, l)
	check(b, l, run, tabs, writers)
	slices.Sort(rates)
	b.ReportMetric(rates[len(rates)/2], "commits/s")
	b.ReportMetric(rates[0], "commits/s-in-the-worst-second")
	for who := range now {
		b.ReportMetric(float64((now[who]-busy[who]).Microseconds())/float64(commits), "cpu-µs/commit-"+who)
	}
	b.ReportMetric(float64(commits)/float64(tabs[0].position-before), "commits/entry")
}

// together lets writers write at once while there is more to do for each, and returns how many writes that were.
func together(tb testing.TB, writers []*writer, more func(n uint64) bool) (writes uint64) {
	tb.Helper()
	var running sync.WaitGroup
	for _, w := range writers {
		writes -= w.n
		running.Go(func() {
			for more(w.n) {
				err := w.send()
				if err == nil {
					err = w.answered()
				}
				if err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	for _, w := range writers {
		writes += w.n
	}
	return writes
}

// usedBy is the processor time that each kind of process has taken so far.
func usedBy(tb testing.TB, l *lab) map[string]time.Duration {
	tb.Helper()
	used := map[string]time.Duration{"clients": processorTime(tb, os.Getpid())}
	for _, p := range l.Hubs {
		used["hubs"] += processorTime(tb, p.PID())
	}
	for _, p := range l.NATS {
		used["nats"] += processorTime(tb, p.PID())
	}
	return used
}

// processorTime is what a process has taken, from /proc; 0 where there is none.
func processorTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name, which may be anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		tb.Fatalf("/proc/%d/stat is %q", pid, stat)
	}
	ticks := 0
	for _, field := range fields[11:13] { // user and system, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			tb.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

func TestWhatWritersOfAllNodesWriteIsShownOnceToAllTabsOfAllNodes(t *testing.T) {
	l, run := begin(t)
	const writes = 25
	tabs, writers := open(t, l, run, 2, 9, nil)
	if n := together(t, writers, func(n uint64) bool { return n < writes }); n != uint64(writes*len(writers)) {
		t.Fatalf("%d writes were answered", n)
	}
	check(t, l, run, tabs, writers)
}
