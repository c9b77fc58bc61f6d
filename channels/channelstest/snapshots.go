package channelstest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/baton-hub/baton/channels"
)

// A SnapshotsHarness is an implementation of channels.Snapshots, set up for one test.
type SnapshotsHarness struct {
	// Open opens the snapshots of a space; each call as another node would. Required.
	Open func(t *testing.T, space string) channels.Snapshots
	// Restart is as in LogHarness. Required.
	Restart func(t *testing.T)
}

// TestSnapshots is the contract of channels.Snapshots.
func TestSnapshots(t *testing.T, newSnapshots func(t *testing.T) SnapshotsHarness) {
	for _, part := range []struct {
		name string
		test func(*testing.T, SnapshotsHarness)
	}{
		{"without a snapshot there is an error that says so", testNoSnapshot},
		{"the newest is found, from every node, whole", testNewest},
		{"one saved late does not hide a newer one", testLate},
		{"one that could not be read to its end is not there", testTorn},
		{"one that is being read stays while the next is saved", testReading},
		{"saving many, and the same again, keeps the newest", testMany},
		{"spaces are apart", testSnapshotSpaces},
		{"a restart changes nothing", testSnapshotRestart},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newSnapshots(t)) })
	}
}

func testNoSnapshot(t *testing.T, h SnapshotsHarness) {
	_, _, err := h.Open(t, "s").Newest(t.Context())
	if !errors.Is(err, channels.ErrNoSnapshot) {
		t.Fatalf("got %v, want %v", err, channels.ErrNoSnapshot)
	}
}

func testNewest(t *testing.T, h SnapshotsHarness) {
	large := make([]byte, 3<<20+17)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(large)
	node, other := h.Open(t, "s"), h.Open(t, "s")
	save(t, node, 7, []byte("small"))
	wantNewest(t, other, 7, []byte("small"))
	save(t, other, 1000, large)
	wantNewest(t, node, 1000, large)
	save(t, node, 1001, nil)
	wantNewest(t, other, 1001, nil)
}

func testLate(t *testing.T, h SnapshotsHarness) {
	s := h.Open(t, "s")
	save(t, s, 20, []byte("twenty"))
	save(t, s, 9, []byte("nine"))
	wantNewest(t, s, 20, []byte("twenty"))
}

func testTorn(t *testing.T, h SnapshotsHarness) {
	s := h.Open(t, "s")
	torn := errors.New("torn")
	broken := func() io.Reader {
		return io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(torn))
	}
	if err := s.Save(t.Context(), 5, broken()); !errors.Is(err, torn) {
		t.Fatalf("saving what cannot be read returned %v, want %v", err, torn)
	}
	if _, _, err := s.Newest(t.Context()); !errors.Is(err, channels.ErrNoSnapshot) {
		t.Fatalf("half a snapshot is there: %v", err)
	}
	save(t, s, 6, []byte("six"))
	_ = s.Save(t.Context(), 7, broken())
	wantNewest(t, s, 6, []byte("six"))
}

func testReading(t *testing.T, h SnapshotsHarness) {
	s, other := h.Open(t, "s"), h.Open(t, "s")
	old := bytes.Repeat([]byte("old "), 300_000)
	save(t, s, 1, old)
	_, data, err := s.Newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	save(t, other, 2, []byte("new"))
	if got, err := io.ReadAll(data); err != nil || !bytes.Equal(got, old) {
		t.Fatalf("got %d bytes and %v, want %d", len(got), err, len(old))
	}
}

func testMany(t *testing.T, h SnapshotsHarness) {
	s := h.Open(t, "s")
	for through := range uint64(12) {
		save(t, s, through+1, []byte{byte(through + 1)})
	}
	save(t, s, 12, []byte{12})
	wantNewest(t, s, 12, []byte{12})
}

func testSnapshotSpaces(t *testing.T, h SnapshotsHarness) {
	save(t, h.Open(t, "a"), 1, []byte("a"))
	save(t, h.Open(t, "a.b"), 2, []byte("a.b"))
	wantNewest(t, h.Open(t, "a"), 1, []byte("a"))
	if _, _, err := h.Open(t, "a-b").Newest(t.Context()); !errors.Is(err, channels.ErrNoSnapshot) {
		t.Fatalf("a space has the snapshot of another: %v", err)
	}
}

func testSnapshotRestart(t *testing.T, h SnapshotsHarness) {
	data := bytes.Repeat([]byte("x"), 1<<20)
	save(t, h.Open(t, "s"), 3, data)
	h.Restart(t)
	wantNewest(t, h.Open(t, "s"), 3, data)
}

func save(t testing.TB, s channels.Snapshots, through uint64, data []byte) {
	t.Helper()
	if err := s.Save(t.Context(), through, bytes.NewReader(data)); err != nil {
		t.Fatalf("saving at %d: %v", through, err)
	}
}

func wantNewest(t testing.TB, s channels.Snapshots, through uint64, want []byte) {
	t.Helper()
	got, data, err := s.Newest(t.Context())
	if err != nil {
		t.Fatalf("reading the newest: %v", err)
	}
	defer data.Close()
	read, err := io.ReadAll(data)
	if err != nil || got != through || !bytes.Equal(read, want) {
		t.Fatalf("the newest is at %d with %d bytes, %v, want %d with %d", got, len(read), err, through, len(want))
	}
}
