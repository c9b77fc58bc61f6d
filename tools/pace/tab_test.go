package pace

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/crowd"
)

// valueOf is what a writer writes the nth time: as long as a value of a user interface is, and it says which it is.
func valueOf(n uint64) []byte {
	return fmt.Appendf(nil, `{"n":%d,"value":17.25,"unit":"mm","limits":[0,25],"moving":false}`, n)
}

// numberOf reads it again.
func numberOf(value []byte) (uint64, error) {
	digits, found := bytes.CutPrefix(value, []byte(`{"n":`))
	end := bytes.IndexByte(digits, ',')
	if !found || end < 0 {
		return 0, fmt.Errorf("a value came that nobody wrote: %.60s", value)
	}
	return strconv.ParseUint(string(digits[:end]), 10, 64)
}

// A tab is a connection that follows the board. Of each key that begins with the name of the run every number has to come,
// once, in its order.
type tab struct {
	*crowd.Conn
	run   string
	shown chan time.Time // when a write came, if it is there

	came  atomic.Uint64 // writes
	ended chan struct{}

	// Owned by the reader until it has ended.
	last     map[string]uint64
	position uint64 // of the last write
	hash     [32]byte
	lost     uint64
	twice    uint64
	err      error
}

// openTab returns when it follows.
func openTab(tb testing.TB, l *lab, run string, node, number int, shown chan time.Time) *tab {
	tb.Helper()
	t := &tab{
		Conn: dial(tb, l, node, fmt.Sprint(run, "tab-", node, "-", number)), run: run,
		shown: shown, ended: make(chan struct{}), last: map[string]uint64{},
	}
	if err := t.Write([]byte(`[{"type":"join","id":1,"channel":"board"}]`)); err != nil {
		tb.Fatal(err)
	}
	joined := make(chan struct{})
	go t.read(sync.OnceFunc(func() { close(joined) }))
	select {
	case <-joined:
	case <-t.ended:
		tb.Fatal("a tab has ended: ", t.err)
	case <-time.After(patience):
		tb.Fatal("a tab does not get to follow the board")
	}
	return t
}

func dial(tb testing.TB, l *lab, node int, client string) *crowd.Conn {
	tb.Helper()
	conn, err := crowd.Dial(tb.Context(), crowd.Options{URL: l.Hubs[node].URL(), Client: client, Token: l.token})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// read takes what comes until the connection ends.
func (t *tab) read(joined func()) {
	defer close(t.ended)
	for t.err == nil {
		message, err := t.Read()
		if err != nil {
			t.err = err
			return
		}
		at := time.Now()
		t.err = crowd.Each(message, func(f crowd.Frame) error {
			switch string(f.Type) {
			case "joined":
				if f.ID != 1 { // it fell behind
					return errors.New("it was so slow that it was sent present values instead of every write")
				}
				joined()
			case "change":
				return crowd.Fields(f.Set, func(key, value []byte) error { return t.take(f.Position, key, value, at) })
			}
			return nil
		})
	}
}

// take notes a write.
func (t *tab) take(position uint64, key, value []byte, at time.Time) error {
	if !bytes.HasPrefix(key, []byte(t.run)) {
		return nil
	}
	n, err := numberOf(value)
	if err != nil {
		return err
	}
	if position < t.position {
		return fmt.Errorf("position %d came after %d", position, t.position)
	}
	switch last := t.last[string(key)]; {
	case n <= last:
		t.twice++
		return nil
	default:
		t.lost += n - last - 1
	}
	t.last[string(key)], t.position = n, position
	sum := append(binary.BigEndian.AppendUint64(t.hash[:], position), key...)
	t.hash = sha256.Sum256(append(sum, value...))
	t.came.Add(1)
	if t.shown != nil {
		t.shown <- at
	}
	return nil
}

// A writer writes one value after the other to a key of its own.
type writer struct {
	*crowd.Conn
	client  string
	n       uint64
	request []byte
}

func openWriter(tb testing.TB, l *lab, run string, node, number int) *writer {
	tb.Helper()
	client := fmt.Sprint(run, "writer-", number)
	return &writer{Conn: dial(tb, l, node, client), client: client}
}

// send sends the next value.
func (w *writer) send() error {
	w.n++
	w.request = fmt.Appendf(w.request[:0], `[{"type":"write","id":%d,"channel":"board","set":{"%s":%s},"op":"%s.%d"}]`,
		w.n, w.client, valueOf(w.n), w.client, w.n)
	return w.Write(w.request)
}

// answered waits until the last value is committed.
func (w *writer) answered() error {
	for done := false; !done; {
		message, err := w.Read()
		if err != nil {
			return err
		}
		err = crowd.Each(message, func(f crowd.Frame) error {
			switch {
			case string(f.Type) == "error":
				return fmt.Errorf("a write is refused: %s: %s", f.Code, f.Detail)
			case string(f.Type) == "written" && f.ID == w.n:
				done = true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// await waits until every tab was shown so many writes.
func await(tb testing.TB, tabs []*tab, writes uint64) {
	tb.Helper()
	late := time.After(patience)
	for _, t := range tabs {
		for t.came.Load() < writes {
			select {
			case <-t.ended:
				tb.Fatal("a tab has ended: ", t.err)
			case <-late:
				tb.Fatalf("a tab was shown %d of %d writes, and no more come", t.came.Load(), writes)
			case <-time.After(100 * time.Microsecond):
			}
		}
	}
}

// check ends the tabs and holds what they were shown, and what every node has, against what was written.
func check(tb testing.TB, l *lab, run string, tabs []*tab, writers []*writer) {
	tb.Helper()
	written := uint64(0)
	for _, w := range writers {
		written += w.n
	}
	await(tb, tabs, written)
	for _, t := range tabs {
		_ = t.Close()
		<-t.ended
		if t.lost > 0 || t.twice > 0 || t.came.Load() != written {
			tb.Errorf("of %d writes a tab was shown %d; %d were lost, %d came twice", written, t.came.Load(), t.lost, t.twice)
		}
		if t.position != tabs[0].position || t.hash != tabs[0].hash {
			tb.Errorf("two tabs were not shown the same: up to %d and %d, %x and %x", t.position, tabs[0].position, t.hash, tabs[0].hash)
		}
		for _, w := range writers {
			if t.last[w.client] != w.n {
				tb.Errorf("the last that a tab was shown of %s is %d of %d", w.client, t.last[w.client], w.n)
			}
		}
	}
	alike(tb, l, tabs[0].position)
}

// alike holds the replicas against each other: at the same position all have the same values, to the byte.
func alike(tb testing.TB, l *lab, position uint64) {
	tb.Helper()
	first, _ := board(tb, l, 0)
	for i, hub := range l.Hubs {
		values, newest := board(tb, l, i)
		for key, value := range values {
			if !bytes.Equal(value, first[key]) {
				tb.Errorf("%s has %s for %s, and %s has %s", hub.Name, value, key, l.Hubs[0].Name, first[key])
			}
		}
		if len(values) != len(first) || newest != position {
			tb.Errorf("%s has %d keys up to %d; %s has %d, and the tabs were shown %d", hub.Name, len(values), newest, l.Hubs[0].Name, len(first), position)
		}
	}
}

// board is all that a node has, and the position of the newest.
func board(tb testing.TB, l *lab, node int) (values map[string]json.RawMessage, newest uint64) {
	tb.Helper()
	var page struct {
		Incomplete bool
		Values     map[string]json.RawMessage
	}
	header := http.Header{"Authorization": {"Bearer " + l.token}}
	_, text, err := ask(tb.Context(), "GET", l.Hubs[node].URL()+"/api/v1/spaces/lab/channels/board?limit=10000", header, nil)
	if err == nil {
		err = json.Unmarshal(text, &page)
	}
	if err != nil || page.Incomplete {
		tb.Fatalf("reading the board of %s: %v (%d values)", l.Hubs[node].Name, err, len(page.Values))
	}
	for _, value := range page.Values {
		var v struct{ Position uint64 }
		if err := json.Unmarshal(value, &v); err != nil {
			tb.Fatal(err)
		}
		newest = max(newest, v.Position)
	}
	return page.Values, newest
}

// percentile is in microseconds.
func percentile(all []time.Duration, percent int) float64 {
	slices.Sort(all)
	return float64(all[len(all)*percent/100].Nanoseconds()) / 1e3
}
