package natslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/channels/steptest"
	"github.com/nats-io/nats.go/jetstream"
)

// The benchmarks here compare a space with the JetStream it lives on: the same server inside the process, the same
// disk, every append synced before it is acknowledged. Both take turns, so that whatever else the machine does meets
// both; what counts are the ratios. `make bench` holds them against their targets.

// everybody is an Authority that knows everybody and lets them do everything.
type everybody struct{}

func (everybody) Identify(_ channels.View, id string) (channels.Who, error) {
	return channels.Who{ID: id, User: id}, nil
}

func (everybody) Fence(channels.View, channels.Who, uint64) error { return nil }

var speedRules = &channels.Rules{Version: 1, Channels: map[string]channels.ChannelRules{
	"params": {Kind: channels.KindStore, Write: []channels.Right{channels.RightMember}},
}}

func openSpace(b testing.TB, store *natslog.Store) *channels.Space {
	b.Helper()
	space := startSpace(b, store)
	b.Cleanup(space.Close)
	return space
}

// startSpace is openSpace that leaves closing to the caller.
func startSpace(b testing.TB, store *natslog.Store) *channels.Space {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	log, err := store.Log(ctx, "lab")
	if err != nil {
		b.Fatal(err)
	}
	snapshots, err := store.Snapshots(ctx, "lab")
	if err != nil {
		b.Fatal(err)
	}
	space, err := channels.Open(ctx, channels.Options{
		Name: "lab", Log: log, Snapshots: snapshots, Authority: everybody{}, Rules: speedRules,
	})
	if err != nil {
		b.Fatal(err)
	}
	return space
}

// rawStream returns a stream like that of a space, and a function that publishes to it and waits until it is synced.
func rawStream(b *testing.B, store *natslog.Store) (publish func(data []byte)) {
	b.Helper()
	js := store.JetStream()
	_, err := js.CreateStream(b.Context(), jetstream.StreamConfig{
		Name: "RAW", Subjects: []string{"raw"}, Storage: jetstream.FileStorage, DenyDelete: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	return func(data []byte) {
		if _, err := js.Publish(ctx, "raw", data); err != nil {
			b.Error(err)
		}
	}
}

// writeKey proposes what a tab would: one key, and an operation id of its own.
func writeKey(client, key string, n int, value json.RawMessage) channels.Proposal {
	body := []byte(`{"channel":"params","set":{"` + key + `":` + string(value) + `}}`)
	write := channels.Write{Channel: "params", Set: map[string]json.RawMessage{key: value}}
	return channels.Proposal{
		Op: channels.Op{Client: client, N: uint64(n)}, Actor: client, User: client, Body: body, Decide: write.Decide,
	}
}

// entryOf is a record as long as that of a write of one key.
var entryOf = bytes.Repeat([]byte("x"), 250)

func BenchmarkDurableWrite(b *testing.B) {
	store := natstest.Embedded(b)
	space, publish := openSpace(b, store), rawStream(b, store)
	value := json.RawMessage(`{"value":17.25,"unit":"mm","limits":[0,25],"moving":false}`)
	var hub, raw []time.Duration
	n := 0
	for b.Loop() {
		n++
		began := time.Now()
		if o := space.Do(b.Context(), writeKey("ann-tab", "omega", n, value)); o.Err != nil {
			b.Fatal(o.Err)
		}
		middle := time.Now()
		publish(entryOf)
		hub, raw = append(hub, middle.Sub(began)), append(raw, time.Since(middle))
	}
	b.ReportMetric(microseconds(hub, 50), "hub-p50-µs")
	b.ReportMetric(microseconds(raw, 50), "raw-p50-µs")
	b.ReportMetric(microseconds(hub, 99), "hub-p99-µs")
	b.ReportMetric(microseconds(raw, 99), "raw-p99-µs")
	b.ReportMetric(microseconds(hub, 50)/microseconds(raw, 50), "of-raw-p50")
}

func microseconds(all []time.Duration, percent int) float64 {
	slices.Sort(all)
	return float64(all[len(all)*percent/100].Nanoseconds()) / 1e3
}

// BenchmarkManyWriters compares 64 writers of a space with 64 that publish each write by itself, and for orientation with
// one of those, in short turns.
func BenchmarkManyWriters(b *testing.B) {
	const writers, round = 64, 50 * time.Millisecond
	store := natstest.Embedded(b)
	space, publish := openSpace(b, store), rawStream(b, store)
	value := json.RawMessage(`{"value":17.25,"unit":"mm","limits":[0,25],"moving":false}`)
	var counts [writers]int
	var hub, raw, alone, ratio []float64
	for b.Loop() {
		hub = append(hub, together(writers, round, func(w int) {
			counts[w]++
			client := fmt.Sprint("writer-", w)
			if o := space.Do(b.Context(), writeKey(client, client, counts[w], value)); o.Err != nil {
				b.Error(o.Err)
			}
		}))
		raw = append(raw, together(writers, round, func(int) { publish(entryOf) }))
		ratio = append(ratio, hub[len(hub)-1]/raw[len(raw)-1])
		alone = append(alone, together(1, round, func(int) { publish(entryOf) }))
	}
	b.ReportMetric(median(hub), "hub-writes/s")
	b.ReportMetric(median(raw), "raw-writes/s")
	b.ReportMetric(median(alone), "raw-alone-writes/s")
	b.ReportMetric(median(ratio), "times-raw")
}

// together lets n writers write for a while and returns how many writes they did in a second.
func together(n int, during time.Duration, write func(w int)) float64 {
	var running sync.WaitGroup
	done := make([]int, n)
	began := time.Now()
	for w := range n {
		running.Go(func() {
			for time.Since(began) < during {
				write(w)
				done[w]++
			}
		})
	}
	running.Wait()
	sum := 0
	for _, d := range done {
		sum += d
	}
	return float64(sum) / time.Since(began).Seconds()
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// The space that a replica starts with: its people write from many page loads.
const (
	replicaKeys    = 100_000
	replicaClients = 1_000
)

// realistic returns a value as user interfaces keep them: 200 to 300 bytes of JSON.
func realistic(i int) json.RawMessage {
	r := rand.New(rand.NewPCG(1, uint64(i)))
	return json.RawMessage(fmt.Sprintf(
		`{"id":%d,"name":"sample %d","protein":"P%05d","cell":[%.3f,%.3f,%.3f,90,90,120],"state":%q,"comment":%q,"path":"/data/visitor/mx%d/raw/P%05d"}`,
		i, i, r.IntN(99999), 100*r.Float64(), 100*r.Float64(), 100*r.Float64(),
		[]string{"waiting", "mounted", "collected"}[r.IntN(3)], strings.Repeat("x", r.IntN(100)), r.IntN(2500), r.IntN(99999)))
}

// fillSpace writes the keys, each as a write of its own, so many of them at once, and returns the bytes of their values.
func fillSpace(b testing.TB, space *channels.Space, atOnce int) (bytes int) {
	b.Helper()
	var done sync.WaitGroup
	for i := range replicaKeys {
		value := realistic(i)
		bytes += len(value)
		client := fmt.Sprint("client-", i%replicaClients)
		p := writeKey(client, fmt.Sprintf("sample/%06d", i), 1+i/replicaClients, value)
		done.Add(1)
		p.Done = func(o channels.Outcome) {
			if o.Err != nil {
				b.Error(o.Err)
			}
			done.Done()
		}
		space.Propose(p)
		if i%atOnce == atOnce-1 {
			done.Wait()
		}
	}
	done.Wait()
	return bytes
}

// BenchmarkReplicaStart opens a replica of a space of 100,000 keys.
func BenchmarkReplicaStart(b *testing.B) {
	for name, atOnce := range map[string]int{"written-alone": 1, "written-together": channels.MaxTransactions} {
		b.Run(name, func(b *testing.B) {
			// How it was written makes no difference any more, so this does not wait for the disk.
			store, err := natslog.Embed(b.Context(), natslog.EmbedOptions{Dir: b.TempDir(), SyncInterval: time.Minute})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			space := startSpace(b, store)
			values := fillSpace(b, space, atOnce)
			space.Close()
			b.Run("log", func(b *testing.B) { startReplica(b, store, values, readLog) })
			space = startSpace(b, store)
			if err := space.Checkpoint(b.Context()); err != nil {
				b.Fatal(err)
			}
			space.Close()
			b.Run("snapshot", func(b *testing.B) { startReplica(b, store, values, readSnapshot) })
		})
	}
}

// startReplica starts replicas, in turns with only reading what they start from.
func startReplica(b *testing.B, store *natslog.Store, values int, read func(*testing.B, *natslog.Store)) {
	var wall, cpu []time.Duration
	var heap, ratio []float64
	for b.Loop() {
		runtime.GC()
		began := time.Now()
		read(b, store)
		reading := time.Since(began)
		runtime.GC()
		began, busy := time.Now(), steptest.ProcessTime(b)
		space := startSpace(b, store)
		wall, cpu = append(wall, time.Since(began)), append(cpu, steptest.ProcessTime(b)-busy)
		ratio = append(ratio, wall[len(wall)-1].Seconds()/reading.Seconds())
		with := liveHeap()
		space.Read(func(s *channels.State) {
			if n := len(s.All("params", "").Values); n != replicaKeys {
				b.Fatalf("it has %d keys", n)
			}
		})
		space.Close()
		space = nil
		heap = append(heap, with-liveHeap())
	}
	b.ReportMetric(microseconds(wall, 50)/1e6, "start-s")
	b.ReportMetric(microseconds(cpu, 50)/1e6, "start-cpu-s")
	b.ReportMetric(median(ratio), "of-reading")
	b.ReportMetric(median(heap)/float64(values), "heap/values")
	b.ReportMetric(median(heap)/replicaKeys, "heap-B/key")
	b.ReportMetric(float64(values)/replicaKeys, "value-B/key")
}

// readLog reads all records of the space.
func readLog(b *testing.B, store *natslog.Store) {
	ctx, enough := context.WithCancel(b.Context())
	defer enough()
	log, err := store.Log(ctx, "lab")
	if err != nil {
		b.Fatal(err)
	}
	_, last, err := log.Bounds(ctx)
	if err != nil {
		b.Fatal(err)
	}
	err = log.Follow(ctx, 0, func(r channels.Record) {
		if r.Position == last {
			enough()
		}
	})
	if err != nil {
		b.Fatal(err)
	}
}

// readSnapshot reads the newest snapshot of the space.
func readSnapshot(b *testing.B, store *natslog.Store) {
	snapshots, err := store.Snapshots(b.Context(), "lab")
	if err != nil {
		b.Fatal(err)
	}
	_, data, err := snapshots.Newest(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer data.Close()
	if _, err := io.Copy(io.Discard, data); err != nil {
		b.Fatal(err)
	}
}

func liveHeap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
