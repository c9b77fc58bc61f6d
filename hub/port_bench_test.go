package hub_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
)

// manyKeys is a stream of an export with many small values, which is made as it is read. Every so often it calls look.
type manyKeys struct {
	keys, made int
	pad        string
	pending    []byte
	look       func(made int)
}

func (m *manyKeys) Read(p []byte) (int, error) {
	for len(m.pending) < 32<<10 && m.made <= m.keys {
		switch {
		case m.made == m.keys:
			m.pending = fmt.Appendf(m.pending, `{"end":{"values":%d,"deleted":0,"messages":0}}`+"\n", m.keys)
		case m.made == 0:
			m.pending = fmt.Appendf(m.pending, `{"baton":1,"values":%d,"messages":0}`+"\n", m.keys)
			fallthrough
		default:
			m.pending = fmt.Appendf(m.pending, `{"channel":"notes","key":"key/%07d","value":%s}`+"\n", m.made, valueOf(m.made, m.pad))
			if m.made%(m.keys/looks) == m.keys/looks/2 {
				m.look(m.made)
			}
		}
		m.made++
	}
	if len(m.pending) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.pending)
	m.pending = m.pending[n:]
	return n, nil
}

func valueOf(n int, pad string) string { return fmt.Sprintf(`{"x":%d,"pad":"%s"}`, n, pad) }

// looks is how often the memory is looked at on the way.
const looks = 6

// live is how many bytes are in use, without garbage.
func live() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A journey is what it took to bring keys in and out again, over HTTP, with every step on the disk.
type journey struct {
	in, out      time.Duration
	inTop, inAll int // bytes in use on the way beyond what was held for the keys that were there, at most; and in the end
	outTop       int // and on the way out
}

// noTicks keep a hub from looking after its spaces: a checkpoint holds a copy of the state, and is not what is measured.
type noTicks struct{}

func (noTicks) Plan(context.Context, channels.Plan) error { return nil }

func (noTicks) Follow(ctx context.Context, _ []string, _ func(context.Context, channels.Tick) error) error {
	<-ctx.Done()
	return nil
}

func carry(tb testing.TB, keys int, pad string) (j journey) {
	tb.Helper()
	store := natstest.Connect(tb, natstest.External(tb).URL) // whose memory is not looked at
	n := newNode(tb, nodeOptions{store: store, more: func(o *hub.Options) { o.Ticks = noTicks{} }})
	token := n.token(tb, "porter")
	request := func(method, path string, body io.Reader) *http.Response {
		r, err := http.NewRequestWithContext(tb.Context(), method, n.url+"/api/v1/spaces/lab/"+path, body)
		if err != nil {
			tb.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/x-ndjson")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			tb.Fatal(err)
		}
		if response.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(response.Body)
			tb.Fatalf("%s %s answered %s", method, path, text)
		}
		return response
	}
	before := live()
	space, err := n.Space(tb.Context(), "lab")
	if err != nil {
		tb.Fatal(err)
	}
	there := func() (keys int) {
		space.Read(func(state *channels.State) {
			state.Range("notes", "", func(string, channels.Value) bool { keys++; return true })
		})
		return keys
	}
	onTheWay := map[int]int{} // by how many keys were there
	began := time.Now()
	response := request("PUT", "import?id=many", &manyKeys{keys: keys, pad: pad, look: func(int) { onTheWay[there()] = live() - before }})
	var report channels.ImportReport
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil || report.Counts.Set != keys || report.State != channels.ImportDone {
		tb.Fatalf("imported %+v, %v", report, err)
	}
	_ = response.Body.Close()
	j.in = time.Since(began)
	j.inAll = live() - before
	for there, bytes := range onTheWay {
		j.inTop = max(j.inTop, bytes-j.inAll/keys*there)
	}
	held := live()
	began = time.Now()
	response = request("GET", "export", nil)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for seen := 0; lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), `{"channel":"notes"`) {
			continue
		}
		if want := fmt.Sprintf(`"key":"key/%07d","value":%s,`, seen, valueOf(seen, pad)); !strings.Contains(lines.Text(), want) {
			tb.Fatalf("line %d is %s, want %s", seen, lines.Text(), want)
		}
		if seen%(keys/looks) == keys/looks/2 {
			j.outTop = max(j.outTop, live()-held)
		}
		seen++
	}
	if want := fmt.Sprintf(`{"end":{"values":%d,`, keys); !strings.HasPrefix(lines.Text(), want) && lines.Err() != nil {
		tb.Errorf("the last line is %s (%v)", lines.Text(), lines.Err())
	}
	j.out = time.Since(began)
	return j
}

// most is what a journey may hold: so many bytes for one step and the connections, and on the way out the names of the keys.
func most(keys, bytes int) int {
	const nameOfAKey = 32
	return bytes + keys*nameOfAKey
}

// want holds a journey to a bound.
func (j journey) want(tb testing.TB, keys, bytes int) {
	tb.Helper()
	tb.Logf("%d keys in %v and %v; held %d bytes a key, on the way in %d KiB more, on the way out %d KiB",
		keys, j.in.Round(time.Millisecond), j.out.Round(time.Millisecond), j.inAll/keys, j.inTop>>10, j.outTop>>10)
	if most := most(keys, bytes); j.inTop > most || j.outTop > most {
		tb.Errorf("that is more than %d KiB", most>>10)
	}
}

// The values are long, so that a copy of them all, 40 MB, would not fit within the bound.
func TestManyKeysComeInAndOutInBoundedMemory(t *testing.T) {
	const keys, length, bytes = 20_000, 2_000, 20 << 20
	if !alone(t) {
		return
	}
	j := carry(t, keys, strings.Repeat("x", length))
	if j.inAll < keys*length {
		t.Errorf("what was held for the keys, %d KiB, is less than they are: something else went away", j.inAll>>10)
	}
	j.want(t, keys, bytes)
}

// BenchmarkAMillionKeys is the same with short values, of which a copy would take 60 MB beside the names.
func BenchmarkAMillionKeys(b *testing.B) {
	const keys = 1_000_000
	for range b.N {
		j := carry(b, keys, "")
		j.want(b, keys, 16<<20)
		b.ReportMetric(keys/j.in.Seconds(), "in/s")
		b.ReportMetric(keys/j.out.Seconds(), "out/s")
		b.ReportMetric(float64(max(j.inTop, j.outTop))/keys, "B/key")
	}
}
