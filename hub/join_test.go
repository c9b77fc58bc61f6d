package hub_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

func TestALogIsJoinedFromWhereTheClientWants(t *testing.T) {
	n := newNode(t, nodeOptions{})
	browser, ann := n.open(t, "alice")
	var early wire.Appended
	for i := range 5 {
		var appended wire.Appended
		ann.Do(frame{"type": "append", "channel": "chat", "data": i}, "appended", &appended)
		if i == 0 {
			early = appended
		}
	}
	for _, c := range []struct {
		request frame
		want    string
		gap     bool
	}{
		{join("chat"), "[0 1 2 3 4]", false},
		{with(join("chat"), "last", 2), "[3 4]", false},
		{with(join("chat"), "last", 0), "[]", false},
		{with(join("chat"), "last", 100), "[0 1 2 3 4]", false},
		{with(join("chat"), "cursor", early.Cursor), "[1 2 3 4]", false},
		{with(with(join("chat"), "cursor", early.Cursor), "last", 4), "[1 2 3 4]", false},
		{with(with(join("chat"), "cursor", early.Cursor), "last", 1), "[4]", true},
	} {
		tab := browser.Open(n.url, "alice-more")
		var joined wire.Joined
		tab.Do(c.request, "joined", &joined)
		got := []string{}
		for _, m := range joined.Messages {
			got = append(got, string(m.Data))
		}
		if fmt.Sprint(got) != c.want || joined.Gap != c.gap {
			t.Errorf("%v is answered by %v, gap %v", c.request, got, joined.Gap)
		}
		_ = tab.Socket.CloseNow()
	}
	ann.Refused(with(join("notes"), "last", 1), "invalid")
	ann.Refused(with(join("chat"), "last", -1), "bad_frame")
}

func TestTheReasonOfASnapshotIsTold(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	var first wire.Written
	ann.Do(write("notes", "gone", 1), "written", &first)
	ann.Do(frame{"type": "write", "channel": "notes", "delete": []string{"gone"}}, "written", nil)
	joined := func(cursor string) (mode, reason string) {
		t.Helper()
		request := join("notes")
		if cursor != "" {
			request["cursor"] = cursor
		}
		var j wire.Joined
		ann.Do(request, "joined", &j)
		ann.Do(frame{"type": "leave", "channel": "notes"}, "left", nil)
		return j.Mode, j.Reason
	}
	want := func(cursor, mode, reason string) {
		t.Helper()
		if m, r := joined(cursor); m != mode || r != reason {
			t.Errorf("with the cursor %q it is a %s, the reason is %q", cursor, m, r)
		}
	}
	want("", wire.Snapshot, wire.ReasonNew)
	want(first.Cursor, wire.Delta, "")
	want(channels.Cursor{Epoch: "another", Position: 1}.String(), wire.Snapshot, wire.ReasonEpoch)
	want(channels.Cursor{Epoch: ann.Welcome.Epoch, Position: n.position(t) + 1000}.String(), wire.Snapshot, wire.ReasonAhead)
	want(channels.Cursor{Epoch: ann.Welcome.Epoch, Position: 1, Base: 5}.String(), wire.Snapshot, wire.ReasonNew)

	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	const some = 1000
	for n := 0; n <= channels.KeptTombstones; n += some { // of more deletions the oldest are forgotten
		for _, change := range []func(*channels.Draft, channels.Ref){
			func(d *channels.Draft, ref channels.Ref) { d.Set(ref, 1) },
			(*channels.Draft).Delete,
		} {
			o := space.House(t.Context(), func(d *channels.Draft) (any, error) {
				for i := range some {
					change(d, channels.Ref{Channel: "notes", Key: fmt.Sprint("k", n+i)})
				}
				return nil, nil
			})
			if o.Err != nil {
				t.Fatal(o.Err)
			}
		}
	}
	want(first.Cursor, wire.Snapshot, wire.ReasonTrimmed)
	want(channels.Cursor{Epoch: ann.Welcome.Epoch, Position: n.position(t)}.String(), wire.Delta, "")
}

func TestSomebodyElsesValuesAreForThoseWhoMayReadAll(t *testing.T) {
	n := newNode(t, nodeOptions{})
	browser, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	_, sam := n.open(t, "sam")
	ann.Do(write("ui", "zoom", 1), "written", nil)
	ann.Do(join("ui"), "joined", nil)
	bob.Do(join("ui"), "joined", nil)
	bob.Refused(with(join("ui"), "owner", "alice"), "forbidden")
	bob.Refused(with(join("notes"), "owner", "alice"), "invalid")
	var joined wire.Joined
	sam.Do(with(join("ui"), "owner", "alice"), "joined", &joined)
	if joined.Owner != "alice" || string(joined.Values["zoom"].Value) != "1" {
		t.Errorf("staff sees %+v", joined)
	}
	sam.Do(join("ui"), "joined", &joined) // their own, beside those
	browser.Open(n.url, "alice-tab2").Do(write("ui", "zoom", 2), "written", nil)
	var hers, theirs wire.Change
	ann.Expect("change", &hers)
	sam.Expect("change", &theirs)
	if hers.Owner != "" || theirs.Owner != "alice" || string(theirs.Set["zoom"]) != "2" {
		t.Errorf("alice sees %+v, staff %+v", hers, theirs)
	}
	sam.Do(frame{"type": "leave", "channel": "ui"}, "left", nil)
	sam.Do(with(join("ui"), "owner", "alice"), "joined", nil) // both were left
	bob.Send(frame{"type": "ping", "id": 66})
	if f := bob.Wait("the pong", func(f hubtest.Frame) bool { return f.Type == "change" || f.Type == "pong" }); f.Type == "change" {
		t.Errorf("bob sees what is alice's: %s", f.Data)
	}

	// Both by name and as one's own it is the same.
	bob.Do(frame{"type": "leave", "channel": "ui"}, "left", nil)
	bob.Do(with(join("ui"), "owner", "bob"), "joined", &joined)
	bob.Refused(join("ui"), "invalid")
}

func TestWhatBelongsToAProposalIsForItsPeople(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	_, sam := n.open(t, "sam")
	if got := ann.Welcome.You.Proposal; got != "mx-2112" {
		t.Fatalf("alice has signed in for %q", got)
	}
	ann.Do(write("plan", "k", "hers"), "written", nil)
	var joined wire.Joined
	ann.Do(join("plan"), "joined", &joined)
	if string(joined.Values["k"].Value) != `"hers"` {
		t.Errorf("alice sees %+v", joined.Values)
	}
	bob.Do(join("plan"), "joined", &joined)
	if len(joined.Values) != 1 && string(joined.Values["k"].Value) != "" {
		t.Errorf("bob, of another proposal, sees %+v", joined.Values)
	}
	if e := sam.Refused(join("plan"), "forbidden"); !strings.Contains(e.Detail, "proposal") {
		t.Errorf("who has no proposal is told %q", e.Detail)
	}
	sam.Do(with(join("plan"), "owner", "mx-2112"), "joined", &joined)
	if joined.Owner != "mx-2112" || string(joined.Values["k"].Value) != `"hers"` {
		t.Errorf("staff sees %+v", joined)
	}
	sam.Refused(write("plan", "k", 1), "forbidden")
}

func TestDefaultsComeWithTheStore(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	var joined wire.Joined
	ann.Do(join("settings"), "joined", &joined)
	if len(joined.Values) != 0 || string(joined.Defaults["beam"]) != `{"size":50}` {
		t.Errorf("joined with %+v", joined)
	}
	bob.Do(frame{"type": "write", "channel": "settings", "patch": frame{"beam": frame{"shape": "round"}}}, "written", nil)
	var change wire.Change
	ann.Expect("change", &change)
	if string(change.Set["beam"]) != `{"shape":"round","size":50}` {
		t.Errorf("a patch of what has its default makes it %s, %s", change.Set["beam"], change.Patch["beam"])
	}
}

func TestAPatchTravelsAsThePatchToThoseWhoHaveTheValue(t *testing.T) {
	n := newNode(t, nodeOptions{})
	browser, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	ann.Do(join("notes"), "joined", nil)
	long := strings.Repeat("x", 10_000)
	var written wire.Written
	bob.Do(write("notes", "k", frame{"long": long, "n": 1}), "written", &written)
	bob.Do(frame{"type": "write", "channel": "notes", "patch": frame{"k": frame{"n": 2}}}, "written", nil)
	var change wire.Change
	for change.Patch == nil {
		change = wire.Change{}
		ann.Expect("change", &change)
	}
	if string(change.Patch["k"]) != `{"n":2}` || len(change.Set) != 0 {
		t.Errorf("the patch came as %s, %s", change.Patch["k"], change.Set["k"])
	}
	var joined wire.Joined
	browser.Open(n.url, "alice-late").Do(with(join("notes"), "cursor", written.Cursor), "joined", &joined)
	var whole struct {
		Long string
		N    int
	}
	if err := json.Unmarshal(joined.Values["k"].Value, &whole); err != nil || whole.Long != long || whole.N != 2 {
		t.Errorf("who comes back gets %.100s", joined.Values["k"].Value)
	}
}
