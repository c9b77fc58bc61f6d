package hubtest

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Events is an open event stream. Its methods are for one goroutine.
type Events struct {
	t       testing.TB
	Last    string // the id of the last event that was taken
	events  chan Event
	ended   chan struct{}
	pending []Frame
	close   func()
}

// An Event is one event as it came.
type Event struct {
	ID     string
	Frames []Frame
}

// Follow opens an event stream, which must work; the query is what follows the ?. Last is the id of the last event that
// came before, "" if none did.
func (b *Browser) Follow(hub, space, query, last string) *Events {
	b.t.Helper()
	r := b.build("GET", hub+"/api/v1/spaces/"+space+"/events?"+query, "", []string{"Accept", "text/event-stream"})
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	client := *b.http
	client.Timeout = 0
	response, err := client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("following %s answered %d, %s", query, response.StatusCode, response.Header.Get("Content-Type"))
	}
	e := &Events{
		t: b.t, events: make(chan Event, 10_000), ended: make(chan struct{}), Last: last,
		close: func() { _ = response.Body.Close() },
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 64<<20)
	go e.read(lines)
	b.t.Cleanup(e.Close)
	return e
}

// Close hangs up.
func (e *Events) Close() {
	e.close()
	<-e.ended
}

func (e *Events) read(lines *bufio.Scanner) {
	defer close(e.ended)
	var event Event
	var data string
	for lines.Scan() { // the last line may be torn, and then it is of no event
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			if data != "" {
				event.Frames = e.frames(data)
				e.events <- event
			}
			event, data = Event{}, ""
		case name == "id":
			event.ID = value
		case name == "data":
			data = value
		}
	}
}

func (e *Events) frames(data string) (frames []Frame) {
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(data), &raw); err != nil {
		e.t.Errorf("the hub sent %.200q: %v", data, err)
	}
	for _, f := range raw {
		var head struct{ Type string }
		if err := json.Unmarshal(f, &head); err != nil {
			e.t.Errorf("the hub sent the frame %.200q: %v", f, err)
		}
		frames = append(frames, Frame{Type: head.Type, Data: f})
	}
	return frames
}

// Next returns the next event; false when the hub has ended the stream.
func (e *Events) Next() (Event, bool) {
	e.t.Helper()
	late := time.NewTimer(Patience)
	defer late.Stop()
	select {
	case event := <-e.events:
		e.Last = event.ID
		return event, true
	default:
	}
	select {
	case event := <-e.events:
		e.Last = event.ID
		return event, true
	case <-e.ended:
		if len(e.events) > 0 {
			return e.Next()
		}
		return Event{}, false
	case <-late.C:
		e.t.Fatal("waited in vain for an event")
		return Event{}, false
	}
}

// Expect waits for the next frame of a type and reads it into into (nothing if nil); what comes before it is dropped.
func (e *Events) Expect(frameType string, into any) {
	e.t.Helper()
	for {
		for len(e.pending) > 0 {
			f := e.pending[0]
			e.pending = e.pending[1:]
			if f.Type != frameType {
				continue
			}
			if into != nil {
				if err := json.Unmarshal(f.Data, into); err != nil {
					e.t.Fatalf("reading %s: %v", f.Data, err)
				}
			}
			return
		}
		event, ok := e.Next()
		if !ok {
			e.t.Fatalf("waiting for a frame %s, the stream ended", frameType)
		}
		e.pending = event.Frames
	}
}

// Ended waits until the hub has ended the stream.
func (e *Events) Ended() {
	e.t.Helper()
	select {
	case <-e.ended:
	case <-time.After(Patience):
		e.t.Fatal("the hub did not end the stream")
	}
}
