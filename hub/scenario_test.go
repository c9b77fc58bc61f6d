package hub_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/mergepatch"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// A replica is what a client has of the channels notes and chat, put together from what it was sent.
type replica struct {
	notes map[string]string
	chat  []string // "…" where messages are missing
	reset int      // how often it began anew
}

func newReplica() *replica { return &replica{notes: map[string]string{}} }

func (r *replica) String() string {
	keys := slices.Sorted(maps.Keys(r.notes))
	var b strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&b, "%s=%s ", key, r.notes[key])
	}
	return b.String() + "| " + strings.Join(r.chat, " ")
}

// has takes what a channel has, or has since a cursor.
func (r *replica) has(channel string, anew bool, removed []string, values map[string]wire.Value, gap bool, messages []wire.LogMessage) {
	if channel == "notes" && anew {
		clear(r.notes)
		r.reset++
	}
	if channel == "chat" && anew {
		r.chat = nil
	}
	for _, key := range removed {
		delete(r.notes, key)
	}
	for key, v := range values {
		r.notes[key] = string(v.Value)
	}
	if gap {
		r.chat = append(r.chat, "…")
	}
	for _, m := range messages {
		r.chat = append(r.chat, string(m.Data))
	}
}

// frame takes a frame.
func (r *replica) frame(t *testing.T, f hubtest.Frame) {
	t.Helper()
	var joined wire.Joined
	var change wire.Change
	var message wire.Message
	var err error
	switch f.Type {
	case "joined":
		err = json.Unmarshal(f.Data, &joined)
		r.has(joined.Channel, joined.Mode == wire.Snapshot, joined.Removed, joined.Values, joined.Gap, joined.Messages)
	case "message":
		err = json.Unmarshal(f.Data, &message)
		r.chat = append(r.chat, string(message.Data))
	case "change":
		err = json.Unmarshal(f.Data, &change)
		for key, value := range change.Set {
			r.notes[key] = string(value)
		}
		for key, patch := range change.Patch {
			patched, err := mergepatch.Apply(json.RawMessage(r.notes[key]), patch)
			if err != nil {
				t.Fatal(err)
			}
			r.notes[key] = string(patched)
		}
		for _, key := range change.Delete {
			delete(r.notes, key)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A follower keeps a replica in step, in one of the three ways.
type follower interface {
	begin()            // from the cursor that it had when it paused, if it did
	until(mark string) // takes what there is until the key mark has a value
	pause()            // hears nothing from now on
	replica() *replica //
	name() string      //
}

type following struct {
	t       *testing.T
	node    *node
	browser *hubtest.Browser
	have    *replica
	cursor  string
}

func (f *following) replica() *replica { return f.have }

// bySocket follows over a WebSocket.
type bySocket struct {
	following
	tab   *hubtest.Tab
	tabs  int
	owner string
}

func (f *bySocket) name() string { return "WebSocket" }

func (f *bySocket) begin() {
	f.t.Helper()
	f.tabs++
	f.tab = f.browser.Open(f.node.url, f.owner+"-tab"+strconv.Itoa(f.tabs))
	for i, channel := range []string{"notes", "chat"} {
		request := with(join(channel), "id", i+1)
		if f.cursor != "" {
			request["cursor"] = f.cursor
		}
		f.tab.Send(request)
	}
}

func (f *bySocket) until(mark string) {
	f.t.Helper()
	var pong wire.Pong
	for f.have.notes["mark"] != mark {
		f.have.frame(f.t, f.tab.Wait("the mark "+mark, func(hubtest.Frame) bool { return true }))
	}
	f.tab.Send(frame{"type": "ping", "id": 77}) // the cursor up to which it has everything
	for pong.Cursor == "" {
		got := f.tab.Wait("pong", func(hubtest.Frame) bool { return true })
		f.have.frame(f.t, got)
		if got.Type == "pong" {
			if err := json.Unmarshal(got.Data, &pong); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	f.cursor = pong.Cursor
}

func (f *bySocket) pause() { _ = f.tab.Socket.CloseNow() }

// byEvents follows an event stream.
type byEvents struct {
	following
	events *hubtest.Events
}

func (f *byEvents) name() string { return "events" }

func (f *byEvents) begin() {
	f.t.Helper()
	f.events = f.browser.Follow(f.node.url, "lab", "channels=notes,chat", f.cursor)
}

func (f *byEvents) until(mark string) {
	f.t.Helper()
	for f.have.notes["mark"] != mark {
		event, ok := f.events.Next()
		if !ok {
			f.t.Fatal("the stream ended")
		}
		for _, got := range event.Frames {
			f.have.frame(f.t, got)
		}
		f.cursor = event.ID
	}
}

func (f *byEvents) pause() { f.events.Close() }

// byPolling asks again and again.
type byPolling struct {
	following
	cursors map[string]string
}

func (f *byPolling) name() string { return "polling" }
func (f *byPolling) begin()       {}
func (f *byPolling) pause()       {}

func (f *byPolling) until(mark string) {
	f.t.Helper()
	for asked := 0; f.have.notes["mark"] != mark; asked++ {
		if f.poll("notes", "5s"); asked == 50 {
			f.t.Fatalf("asked %d times, and the mark %s did not come", asked, mark)
		}
	}
	for f.poll("chat", "") {
	}
}

func (f *byPolling) poll(channel, wait string) (incomplete bool) {
	f.t.Helper()
	var p page
	f.browser.Request("GET", f.node.channel(channel)+"?limit=3&wait="+wait+"&since="+f.cursors[channel], "").Into(200, &p)
	f.have.has(channel, p.Mode == wire.Snapshot, p.Removed, p.Values, p.Gap, p.Messages)
	f.cursors[channel] = p.Cursor
	return p.Incomplete
}

func newFollowers(t *testing.T, n *node, user string) []follower {
	b := n.user(t, user)
	one := func() following { return following{t: t, node: n, browser: b, have: newReplica()} }
	return []follower{
		&bySocket{following: one(), owner: user},
		&byEvents{following: one()},
		&byPolling{following: one(), cursors: map[string]string{}},
	}
}

func TestSocketsEventsAndPollingEndWithTheSame(t *testing.T) {
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		chat := r.Channels["chat"]
		chat.Keep = 5
		r.Channels["chat"] = chat
	}})
	bob := n.user(t, "bob")
	notes := func(body string) { t.Helper(); bob.Request("POST", n.channel("notes"), body).Want(200) }
	marks := 0
	say := func(messages ...string) {
		t.Helper()
		for _, m := range messages {
			bob.Request("POST", n.channel("chat"), `{"data":`+m+`}`).Want(200)
		}
	}
	all := newFollowers(t, n, "alice")
	check := func(want string, resets int) {
		t.Helper()
		marks++
		notes(`{"set":{"mark":` + strconv.Itoa(marks) + `}}`)
		for _, f := range all {
			f.until(strconv.Itoa(marks))
			have := f.replica()
			got := strings.Replace(have.String(), "mark="+strconv.Itoa(marks)+" ", "", 1)
			if got != want {
				t.Errorf("by %s the outcome is\n%s\nnot\n%s", f.name(), got, want)
			}
			if have.reset > resets {
				t.Errorf("by %s it began anew %d times", f.name(), have.reset)
			}
		}
	}
	each := func(do func(follower)) {
		for _, f := range all {
			do(f)
		}
	}

	notes(`{"set":{"a":1,"b":{"x":1,"y":{"z":[1,2,3]}},"c":"three","d":4}}`)
	say(`"one"`)
	each(follower.begin)
	check(`a=1 b={"x":1,"y":{"z":[1,2,3]}} c="three" d=4 | "one"`, 1)

	notes(`{"patch":{"b":{"x":null,"w":7}},"set":{"e":5},"delete":["a"]}`)
	notes(`{"set":{"a":2}}`)
	notes(`{"delete":["d"]}`)
	say(`"two"`, `"three"`)
	check(`a=2 b={"w":7,"y":{"z":[1,2,3]}} c="three" e=5 | "one" "two" "three"`, 1)

	each(follower.pause)
	notes(`{"delete":["e"],"patch":{"b":{"y":null}}}`)
	notes(`{"set":{"f":"while away"}}`)
	say(`"four"`)
	each(follower.begin)
	check(`a=2 b={"w":7} c="three" f="while away" | "one" "two" "three" "four"`, 1)

	each(follower.pause)
	notes(`{"delete":["a","c"],"set":{"g":1}}`)
	say(`5`, `6`, `7`, `8`, `9`, `10`, `11`)
	n.trim(t)
	each(follower.begin)
	check(`b={"w":7} f="while away" g=1 | "one" "two" "three" "four" … 7 8 9 10 11`, 2)

	late := newFollowers(t, n, "sam")
	all = late
	each(follower.begin)
	check(`b={"w":7} f="while away" g=1 | … 7 8 9 10 11`, 1)
}

// trim forgets all that is deleted, as if it had been long ago.
func (n *node) trim(t *testing.T) {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	if o := space.House(t.Context(), channels.Trim{Tombstones: n.position(t)}.Decide); o.Err != nil {
		t.Fatal(o.Err)
	}
}
