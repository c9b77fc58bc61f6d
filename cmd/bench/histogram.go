package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets that are 3 % wide. It is safe for concurrent use.
type histogram struct{ counts [buckets]atomic.Uint32 }

const (
	fine    = 5 // bits that a bucket tells
	buckets = (48 - fine + 1) << fine
)

func (h *histogram) add(d time.Duration) { h.counts[bucket(uint64(max(d, 0)))].Add(1) }

func (h *histogram) clear() {
	for i := range h.counts {
		h.counts[i].Store(0)
	}
}

func bucket(v uint64) int {
	shift := max(0, bits.Len64(v)-fine-1)
	return min(shift<<fine+int(v>>shift), buckets-1)
}

// end is the largest value of a bucket.
func end(bucket int) uint64 {
	shift := max(0, bucket>>fine-1)
	return (uint64(bucket-shift<<fine)+1)<<shift - 1
}

// A tally is what several histograms have counted.
type tally struct {
	counts [buckets]uint64
	total  uint64
}

func (t *tally) add(h *histogram) {
	for i := range h.counts {
		n := uint64(h.counts[i].Load())
		t.counts[i] += n
		t.total += n
	}
}

// quantile is the duration that a part of all are no longer than; 0 if there are none.
func (t *tally) quantile(part float64) time.Duration {
	rest := uint64(part * float64(t.total))
	for i, n := range t.counts {
		if n > rest {
			return time.Duration(end(i))
		}
		rest -= n
	}
	for i := buckets - 1; i >= 0; i-- {
		if t.counts[i] > 0 {
			return time.Duration(end(i))
		}
	}
	return 0
}

// Latency is how long deliveries took, in microseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func (t *tally) latency() *Latency {
	if t.total == 0 {
		return nil
	}
	us := func(part float64) float64 { return float64(t.quantile(part)) / float64(time.Microsecond) }
	return &Latency{us(.5), us(.99), us(.999), us(1)}
}
