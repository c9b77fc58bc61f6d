package history

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
)

// The files of a run: of other spaces, logs are others-NAME.ndjson.
const (
	runFile     = "history.ndjson"
	entriesFile = "log.ndjson"
	othersFile  = "others-"
)

// A line is a record in its file, under its name.
type line struct {
	Run       *Run       `json:"run,omitempty"`
	Operation *Operation `json:"operation,omitempty"`
	Join      *Join      `json:"join,omitempty"`
	Message   *Message   `json:"message,omitempty"`
	Closed    *Closed    `json:"closed,omitempty"`
	Visit     *Visit     `json:"visit,omitempty"`
	Bytes     *Bytes     `json:"bytes,omitempty"`
	Event     *Event     `json:"event,omitempty"`
}

// A Recorder writes the history of a run. Its methods may be called from any goroutine. What goes wrong with the file is
// said by Close.
type Recorder struct {
	began time.Time
	dir   string

	// Guarded by mu.
	mu    sync.Mutex
	file  *os.File
	lines *bufio.Writer
	err   error
}

// Record begins the history of a run in a folder, which is made if it is not there.
func Record(dir string, r Run) (*Recorder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(dir, runFile))
	if err != nil {
		return nil, err
	}
	rec := &Recorder{began: time.Now(), dir: dir, file: file, lines: bufio.NewWriterSize(file, 1<<20)}
	rec.write(line{Run: &r})
	return rec, nil
}

// Now is the time of the run.
func (r *Recorder) Now() int64 { return int64(time.Since(r.began)) }

// Operation adds an attempt, once it has its outcome.
func (r *Recorder) Operation(o Operation) { r.write(line{Operation: &o}) }

// Join adds a join, before it is sent.
func (r *Recorder) Join(j Join) { r.write(line{Join: &j}) }

// Message adds what a socket brought. Of one socket they are added in their order.
func (r *Recorder) Message(m Message) { r.write(line{Message: &m}) }

// Closed adds the end of a socket, after its last message.
func (r *Recorder) Closed(c Closed) { r.write(line{Closed: &c}) }

// Visit adds a request about a login session, once it is answered.
func (r *Recorder) Visit(v Visit) { r.write(line{Visit: &v}) }

// Bytes adds what was read from a socket.
func (r *Recorder) Bytes(b Bytes) { r.write(line{Bytes: &b}) }

// Event adds what happens now, as the run sees it.
func (r *Recorder) Event(what, of, how string) {
	r.write(line{Event: &Event{At: r.Now(), What: what, Of: of, How: how}})
}

func (r *Recorder) write(l line) {
	data, err := encode(l)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		_, err = r.lines.Write(data)
	}
	if err != nil && r.err == nil {
		r.err = err
	}
}

// Log adds the log of the space, which is whole after the run.
func (r *Recorder) Log(entries []Entry) error { return r.entries(entriesFile, entries) }

// Other adds the log of another space.
func (r *Recorder) Other(space string, entries []Entry) error {
	return r.entries(othersFile+url.PathEscape(space)+".ndjson", entries)
}

func (r *Recorder) entries(name string, entries []Entry) error {
	file, err := os.Create(filepath.Join(r.dir, name))
	if err != nil {
		return err
	}
	lines := bufio.NewWriterSize(file, 1<<20)
	for _, e := range entries {
		data, err := encode(e)
		if err != nil {
			return errors.Join(err, file.Close())
		}
		_, _ = lines.Write(data) // Flush tells
	}
	return errors.Join(lines.Flush(), file.Close())
}

// Close ends the history.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := errors.Join(r.err, r.lines.Flush(), r.file.Close())
	if err != nil {
		return fmt.Errorf("writing the history: %w", err)
	}
	return nil
}

// encode writes a value as one line. json.Marshal would escape what is sent for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// Read reads the history of a run. One whose log was never written has none.
func Read(dir string) (*History, error) {
	h := &History{}
	err := eachLine(filepath.Join(dir, runFile), func(data []byte) error {
		var l line
		if err := json.Unmarshal(data, &l); err != nil {
			return err
		}
		h.add(l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	if h.Log, err = readEntries(filepath.Join(dir, entriesFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	others, _ := filepath.Glob(filepath.Join(dir, othersFile+"*.ndjson")) // the pattern is good
	for _, path := range others {
		space, err := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), othersFile), ".ndjson"))
		if err != nil {
			return nil, err
		}
		entries, err := readEntries(path)
		if err != nil {
			return nil, fmt.Errorf("reading the log of %s: %w", space, err)
		}
		if h.Others == nil {
			h.Others = map[string][]Entry{}
		}
		h.Others[space] = entries
	}
	slices.SortStableFunc(h.Operations, func(a, b Operation) int { return cmp.Compare(a.Begin, b.Begin) })
	slices.SortStableFunc(h.Visits, func(a, b Visit) int { return cmp.Compare(a.Begin, b.Begin) })
	slices.SortStableFunc(h.Messages, func(a, b Message) int { return cmp.Compare(a.At, b.At) })
	return h, nil
}

func readEntries(path string) (entries []Entry, err error) {
	err = eachLine(path, func(data []byte) error {
		var e Entry
		err := json.Unmarshal(data, &e)
		entries = append(entries, e)
		return err
	})
	return entries, err
}

func (h *History) add(l line) {
	switch {
	case l.Run != nil:
		h.Run = *l.Run
	case l.Operation != nil:
		h.Operations = append(h.Operations, *l.Operation)
	case l.Join != nil:
		h.Joins = append(h.Joins, *l.Join)
	case l.Message != nil:
		h.Messages = append(h.Messages, *l.Message)
	case l.Closed != nil:
		h.Closes = append(h.Closes, *l.Closed)
	case l.Visit != nil:
		h.Visits = append(h.Visits, *l.Visit)
	case l.Bytes != nil:
		h.Bytes = append(h.Bytes, *l.Bytes)
	case l.Event != nil:
		h.Events = append(h.Events, *l.Event)
	}
}

func eachLine(path string, take func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewReaderSize(file, 1<<20)
	for n := 1; ; n++ {
		data, err := lines.ReadBytes('\n')
		if len(data) > 0 {
			if err := take(data); err != nil {
				return fmt.Errorf("%s, line %d: %w", path, n, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Collect reads all that a log holds now.
func Collect(ctx context.Context, log channels.Log) ([]Entry, error) {
	_, last, err := log.Bounds(ctx)
	if err != nil || last == 0 {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var entries []Entry
	err = log.Follow(ctx, 0, func(r channels.Record) {
		if r.Position <= last {
			entries = append(entries, Entry{r.Position, r.Time.UTC().Format(time.RFC3339Nano), slices.Clone(r.Data)})
		}
		if r.Position >= last {
			stop()
		}
	})
	if err == nil && (len(entries) == 0 || entries[len(entries)-1].Position < last) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log to %d: %w", last, err)
	}
	return entries, nil
}
