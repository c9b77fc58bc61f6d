package channelstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A LogHarness is an implementation of channels.Log, set up for one test.
type LogHarness struct {
	// Open opens the log of a space. Each call returns another handle on the same log, as another node would have.
	// Required.
	Open func(t *testing.T, space string) channels.Log
	// Restart stops what keeps the logs and starts it again on the same data. Handles that were opened before are not
	// used any more. Required.
	Restart func(t *testing.T)
	// Unanswered appends and loses the answer: the data is stored or not, and nobody knows. Optional: by default the
	// context of an Append is cancelled while it is under way.
	Unanswered func(t *testing.T, log channels.Log, after uint64, data []byte) error
}

// TestLog is the contract of channels.Log. It calls newLog for each of its parts.
func TestLog(t *testing.T, newLog func(t *testing.T) LogHarness) {
	for _, part := range []struct {
		name string
		test func(*testing.T, LogHarness)
	}{
		{"an empty log has no bounds and waits", testEmpty},
		{"records come in order with their bytes, the same for everybody", testOrder},
		{"an append at another position is refused and leaves nothing", testExpectedPosition},
		{"an append that was given up in advance is not reported as stored", testGivenUp},
		{"the largest entry comes whole", testWhole},
		{"spaces are apart", testSpaces},
		{"follow starts behind a position, even beyond the end", testFollowFrom},
		{"follow ends with its context", testFollowEnds},
		{"a purge leaves a gap and moves no position", testPurge},
		{"a purge of everything, and of more, moves no position", testPurgeAll},
		{"a restart changes nothing", testRestart},
		{"of two committers each position takes one", testContend},
		{"what sits at the next position settles an append without an answer", testUnanswered},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newLog(t)) })
	}
}

func testEmpty(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	wantBounds(t, log, 0, 0)
	records, _ := follow(t, log, 0)
	none(t, records, "an empty log delivered")
	mustAppend(t, log, 0, []byte("a"))
	wantRecord(t, records, 1, "a")
	wantBounds(t, log, 1, 1)
}

func testOrder(t *testing.T, h LogHarness) {
	log, other := h.Open(t, "s"), h.Open(t, "s")
	early, _ := follow(t, other, 0)
	began := time.Now()
	const n = 200
	for i := range uint64(n) {
		mustAppend(t, log, i, fmt.Appendf(nil, "entry %d", i+1))
	}
	late, _ := follow(t, log, 0)
	for i := range uint64(n) {
		a, b := soon(t, early, "a record"), soon(t, late, "a record")
		if a.Position != i+1 || string(a.Data) != fmt.Sprintf("entry %d", i+1) {
			t.Fatalf("got %d %q, want entry %d", a.Position, a.Data, i+1)
		}
		if b.Position != a.Position || !bytes.Equal(a.Data, b.Data) || !a.Time.Equal(b.Time) {
			t.Fatalf("two followers got %v and %v", a, b)
		}
		if a.Time.Before(began.Add(-time.Minute)) || a.Time.After(time.Now().Add(time.Minute)) {
			t.Fatalf("a record has the time %v, it was stored after %v", a.Time, began)
		}
	}
	none(t, early, "more than was appended")
}

func testExpectedPosition(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	wantMoved(t, log, 1)
	mustAppend(t, log, 0, []byte("a"))
	mustAppend(t, log, 1, []byte("b"))
	for _, after := range []uint64{0, 1, 3, 1 << 40} {
		wantMoved(t, log, after)
	}
	wantBounds(t, log, 1, 2)
	mustAppend(t, log, 2, []byte("c"))
	records, _ := follow(t, log, 0)
	for i, want := range []string{"a", "b", "c"} {
		wantRecord(t, records, uint64(i+1), want)
	}
	none(t, records, "a refused append is in the log")
}

func testGivenUp(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Append(ctx, 0, []byte("x")); err == nil || errors.Is(err, channels.ErrMoved) {
		t.Fatalf("an append with a cancelled context returned %v", err)
	}
}

func testWhole(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	records, _ := follow(t, log, 0)
	random := rand.NewChaCha8([32]byte{1})
	for i, size := range []int{512 << 10, 1, 64 << 10, 512 << 10} {
		data := make([]byte, size)
		_, _ = random.Read(data)
		mustAppend(t, log, uint64(i), data)
		r := soon(t, records, "a large record")
		if !bytes.Equal(r.Data, data) {
			t.Fatalf("%d bytes came as %d other ones", size, len(r.Data))
		}
	}
}

func testSpaces(t *testing.T, h LogHarness) {
	names := []string{"a", "a.b", "a_b", "a-b", "a.b.c", "a.2eb", "0"}
	for i, name := range names {
		log := h.Open(t, name)
		mustAppend(t, log, 0, []byte(name))
		if i%2 == 0 {
			mustAppend(t, log, 1, []byte("second"))
		}
	}
	for i, name := range names {
		log := h.Open(t, name)
		wantBounds(t, log, 1, uint64(2-i%2))
		records, _ := follow(t, log, 0)
		wantRecord(t, records, 1, name)
	}
}

func testFollowFrom(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	for i := range uint64(5) {
		mustAppend(t, log, i, fmt.Append(nil, i+1))
	}
	middle, _ := follow(t, log, 3)
	end, _ := follow(t, log, 5)
	beyond, _ := follow(t, log, 6)
	wantRecord(t, middle, 4, "4")
	wantRecord(t, middle, 5, "5")
	none(t, end, "nothing is behind the end")
	for i := uint64(5); i < 8; i++ {
		mustAppend(t, log, i, fmt.Append(nil, i+1))
	}
	for i := uint64(6); i <= 8; i++ {
		wantRecord(t, middle, i, fmt.Sprint(i))
		wantRecord(t, end, i, fmt.Sprint(i))
	}
	wantRecord(t, beyond, 7, "7")
	wantRecord(t, beyond, 8, "8")
}

func testFollowEnds(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	mustAppend(t, log, 0, []byte("a"))
	records, stop := follow(t, log, 0)
	wantRecord(t, records, 1, "a")
	stop() // it is waiting now, and must return nil

	mustAppend(t, log, 1, []byte("b"))
	mustAppend(t, log, 2, []byte("c"))
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	if err := log.Follow(ctx, 0, func(channels.Record) { n++; cancel() }); err != nil || n != 1 {
		t.Fatalf("follow ended in the middle of its way delivered %d records and returned %v, want 1 and nil", n, err)
	}
}

func testPurge(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	for i := range uint64(10) {
		mustAppend(t, log, i, fmt.Append(nil, i+1))
	}
	live, _ := follow(t, log, 9)
	wantRecord(t, live, 10, "10")
	for _, through := range []uint64{0, 6, 6, 3} {
		mustPurge(t, log, through)
	}
	wantBounds(t, log, 7, 10)
	mustAppend(t, log, 10, []byte("11"))
	wantRecord(t, live, 11, "11")
	for _, after := range []uint64{0, 2, 6} {
		records, _ := follow(t, log, after)
		for i := uint64(7); i <= 11; i++ {
			wantRecord(t, records, i, fmt.Sprint(i))
		}
	}
}

func testPurgeAll(t *testing.T, h LogHarness) {
	log := h.Open(t, "s")
	mustPurge(t, log, 5)
	wantBounds(t, log, 0, 0)
	mustAppend(t, log, 0, []byte("1"))
	mustAppend(t, log, 1, []byte("2"))
	mustPurge(t, log, 2)
	wantBounds(t, log, 3, 2)
	mustPurge(t, log, 1000)
	wantBounds(t, log, 3, 2)
	wantMoved(t, log, 0)
	wantMoved(t, log, 3)
	records, _ := follow(t, log, 0)
	none(t, records, "a purged record was delivered")
	mustAppend(t, log, 2, []byte("3"))
	wantRecord(t, records, 3, "3")
	wantBounds(t, log, 3, 3)
}

func testRestart(t *testing.T, h LogHarness) {
	log, purged := h.Open(t, "s"), h.Open(t, "purged")
	for i := range uint64(20) {
		mustAppend(t, log, i, fmt.Append(nil, i+1))
	}
	mustPurge(t, log, 4)
	mustAppend(t, purged, 0, []byte("1"))
	mustPurge(t, purged, 1)
	before, stop := follow(t, log, 4)
	first := soon(t, before, "a record")
	stop()

	h.Restart(t)

	log, purged = h.Open(t, "s"), h.Open(t, "purged")
	wantBounds(t, log, 5, 20)
	wantBounds(t, purged, 2, 1)
	wantMoved(t, log, 19)
	wantMoved(t, purged, 0)
	mustAppend(t, log, 20, []byte("21"))
	mustAppend(t, purged, 1, []byte("2"))
	records, _ := follow(t, log, 0)
	again := soon(t, records, "a record")
	if again.Position != 5 || !again.Time.Equal(first.Time) || !bytes.Equal(again.Data, first.Data) {
		t.Fatalf("after the restart the first record is %v, it was %v", again, first)
	}
	for i := uint64(6); i <= 21; i++ {
		wantRecord(t, records, i, fmt.Sprint(i))
	}
}

func testContend(t *testing.T, h LogHarness) {
	Contend(t, []channels.Log{h.Open(t, "s"), h.Open(t, "s"), h.Open(t, "s")}, 200)
}

func testUnanswered(t *testing.T, h LogHarness) {
	log, other := h.Open(t, "s"), h.Open(t, "s")
	unanswered := h.Unanswered
	if unanswered == nil {
		unanswered = cancelled
	}
	records, _ := follow(t, other, 0)
	position, stored := uint64(0), 0
	for i := range 100 {
		data := fmt.Sprintf("attempt %d", i)
		err := unanswered(t, log, position, []byte(data))
		if errors.Is(err, channels.ErrMoved) {
			t.Fatalf("an append at the right position returned %v", err)
		}
		noop := fmt.Sprintf("no-op %d", i)
		settled := settle(t, other, position, []byte(noop))
		got := soon(t, records, "what sits at the position")
		position++
		switch {
		case got.Position != position:
			t.Fatalf("the next record is %d, want %d", got.Position, position)
		case string(got.Data) == data:
			stored++
		case string(got.Data) != noop || !settled || err == nil:
			t.Fatalf("%q sits at %d; the append returned %v, the no-op was stored: %v", got.Data, position, err, settled)
		}
	}
	t.Logf("of 100 appends without an answer %d were stored", stored)
	none(t, records, "an append arrived after it was settled")
}

// cancelled cancels an append at a random moment.
func cancelled(t *testing.T, log channels.Log, after uint64, data []byte) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(600))*time.Microsecond)
	defer cancel()
	return log.Append(ctx, after, data)
}
