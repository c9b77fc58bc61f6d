package natslog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
)

// BenchmarkAppend measures from the call of Append to its return, and to the delivery of the record by Follow: with
// the embedded server, synced to the disk, one append after the other, each seen before the next.
func BenchmarkAppend(b *testing.B) {
	store := natstest.Embedded(b)
	log, err := store.Log(b.Context(), "s")
	if err != nil {
		b.Fatal(err)
	}
	delivered := make(chan time.Time, 1)
	following := make(chan error, 1)
	ctx := b.Context()
	go func() {
		following <- log.Follow(ctx, 0, func(channels.Record) { delivered <- time.Now() })
	}()
	data := make([]byte, 500)
	var acks, deliveries []time.Duration
	after := uint64(0)
	for b.Loop() {
		began := time.Now()
		if err := log.Append(ctx, after, data); err != nil {
			b.Fatal(err)
		}
		acks = append(acks, time.Since(began))
		deliveries = append(deliveries, (<-delivered).Sub(began))
		after++
	}
	report := func(what string, all []time.Duration) {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), what+"-p50-µs")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), what+"-p99-µs")
	}
	report("ack", acks)
	report("delivery", deliveries)
}
