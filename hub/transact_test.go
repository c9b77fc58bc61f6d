package hub_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

func TestATransactionIsSeenAsOneChangeOrNotAtAll(t *testing.T) {
	n := newNode(t, nodeOptions{})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	for i, channel := range []string{"queue", "notes", "chat"} {
		bob.Do(with(join(channel), "id", i), "joined", nil)
	}
	var control wire.Controlled
	ann.Do(frame{"type": "control", "do": "request"}, "controlled", &control)
	transaction := frame{
		"type": "transact", "term": control.Term,
		"writes": []frame{
			{"channel": "queue", "set": frame{"q1": 1}},
			{"channel": "notes", "set": frame{"k": 1}, "if": frame{"k": 0}},
		},
		"appends": []frame{{"channel": "chat", "data": "begun"}},
		"calls":   []frame{{"command": "look", "args": frame{"at": "q1"}}, {"command": "look"}},
	}
	var written wire.Written
	ann.Do(transaction, "written", &written)
	messages := map[int]bool{}
	for seen := map[string]bool{}; len(seen) < 3; {
		f := bob.Wait("a change or a message", func(f hubtest.Frame) bool { return f.Type == "change" || f.Type == "message" })
		var change wire.Change
		if err := json.Unmarshal(f.Data, &change); err != nil || change.Position != written.Position {
			t.Errorf("written at %d, seen: %s", written.Position, f.Data)
		}
		seen[change.Channel], messages[f.Message] = true, true
	}
	if len(messages) != 1 {
		t.Errorf("it came in %d messages", len(messages))
	}
	if len(written.Calls) != 2 || written.Calls[0] == written.Calls[1] {
		t.Fatalf("the calls are %v", written.Calls)
	}
	for range 2 {
		var invoke wire.Invoke
		service.Expect("invoke", &invoke)
		if invoke.Call != written.Calls[0] && invoke.Call != written.Calls[1] {
			t.Errorf("the service is to do %s", invoke.Call)
		}
	}

	// Now the second write is refused, and with it all.
	before := n.position(t)
	transaction["op"] = nil
	if e := ann.Refused(transaction, "conflict"); e.More["part"] != "writes/1" || e.Current["k"] == nil {
		t.Errorf("the refusal names %v and shows %v", e.More, e.Current)
	}
	if after := n.position(t); after != before {
		t.Errorf("something of it took the log from %d to %d", before, after)
	}
}

func TestARefusedTransactionNamesItsPart(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	var seen wire.Written
	bob.Do(write("notes", "k", 1), "written", &seen)
	bob.Do(write("notes", "k", 2), "written", nil)
	fine := frame{"channel": "notes", "set": frame{"other": 1}}
	for _, c := range []struct {
		request    frame
		code, part string
	}{
		{frame{"writes": []frame{fine, {"channel": "secret", "set": frame{"k": 1}}}}, "forbidden", "writes/1"},
		{frame{"writes": []frame{fine, {"channel": "queue", "set": frame{"k": 1}}}}, "not_operator", "writes/1"},
		{frame{"writes": []frame{{"channel": "notes", "set": frame{"k": 3}, "unseen": seen.Cursor}}}, "conflict", "writes/0"},
		{frame{"writes": []frame{{"channel": "notes", "set": frame{"k": 3}, "unseen": "nonsense"}}}, "invalid", "writes/0"},
		{frame{"writes": []frame{fine}, "appends": []frame{{"channel": "notes", "data": 1}}}, "invalid", "appends/0"},
		{frame{"writes": []frame{fine}, "calls": []frame{{"command": "look"}}}, "no_service", "calls/0"},
		{frame{"writes": []frame{fine}, "calls": []frame{{"command": "nothing"}}}, "unknown_name", "calls/0"},
		{frame{"writes": []frame{fine}, "calls": []frame{{"command": "look"}, {"command": "stop"}}}, "invalid", "calls/1"},
	} {
		if e := ann.Refused(with(c.request, "type", "transact"), c.code); e.More["part"] != c.part {
			t.Errorf("%v: the refusal (%s) names %v, not %s", c.request, e.Detail, e.More, c.part)
		}
	}
	var values wire.Values
	ann.Do(frame{"type": "read", "channel": "notes"}, "values", &values)
	if len(values.Values) != 1 || string(values.Values["k"].Value) != "2" {
		t.Errorf("the notes are %+v", values.Values)
	}
}

func TestATransactionThatIsSentAgainGetsItsFirstAnswer(t *testing.T) {
	n := newNode(t, nodeOptions{})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	browser, ann := n.open(t, "alice")
	request := frame{"type": "transact", "op": "alice-tab.5", "writes": []frame{{"channel": "notes", "set": frame{"k": 1}, "if": frame{"k": 0}}}, "calls": []frame{{"command": "look"}}}
	var first, again wire.Written
	ann.Do(request, "written", &first)
	_ = ann.Socket.CloseNow()
	_ = service.Socket.CloseNow()
	browser.Open(n.url, "alice-tab").Do(request, "written", &again)
	if fmt.Sprint(first.Calls) != fmt.Sprint(again.Calls) || first.Position != again.Position || len(again.Calls) != 1 {
		t.Errorf("first %+v, then %+v", first, again)
	}
}

func TestValuesAreReadWithoutJoining(t *testing.T) {
	n := newNode(t, nodeOptions{})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	_, sam := n.open(t, "sam")
	ann.Do(write("ui", "zoom", 1), "written", nil)
	ann.Do(write("ui", "tab", 1), "written", nil)
	var written wire.Written
	bob.Do(write("ui", "zoom", 2), "written", &written)
	read := func(tab *hubtest.Tab, more frame) (v wire.Values) {
		t.Helper()
		more["type"] = "read"
		tab.Do(more, "values", &v)
		return v
	}
	if v := read(ann, frame{"channel": "ui", "keys": []string{"zoom", "none"}}); len(v.Values) != 1 || string(v.Values["zoom"].Value) != "1" || v.Values["zoom"].By != "alice" {
		t.Errorf("alice reads %+v", v)
	}
	for _, all := range []wire.Values{
		read(sam, frame{"channel": "ui", "all": true, "seen": written.Cursor}),
		read(service, frame{"channel": "ui", "all": true}),
	} {
		if len(all.Owners) != 2 || len(all.Owners["alice"]) != 2 || string(all.Owners["bob"]["zoom"].Value) != "2" {
			t.Errorf("everybody's values are %+v", all.Owners)
		}
	}
	if v := read(service, frame{"channel": "ui", "owner": "bob"}); string(v.Values["zoom"].Value) != "2" {
		t.Errorf("bob's are %+v", v)
	}
	if v := read(ann, frame{"channel": "settings"}); string(v.Defaults["beam"]) != `{"size":50}` {
		t.Errorf("the defaults come as %s", v.Defaults)
	}
	ann.Refused(frame{"type": "read", "channel": "ui", "all": true}, "forbidden")
	ann.Refused(frame{"type": "read", "channel": "ui", "owner": "bob"}, "forbidden")
	ann.Refused(frame{"type": "read", "channel": "notes", "all": true}, "invalid")
	ann.Refused(frame{"type": "read", "channel": "chat"}, "invalid")
	ann.Refused(frame{"type": "read", "channel": "cursors"}, "invalid")
	ann.Refused(frame{"type": "read", "channel": "secret"}, "forbidden")
	ann.Refused(frame{"type": "read", "channel": "nowhere"}, "unknown_name")

	ann.Do(join("motors"), "joined", nil)
	service.Send(frame{"type": "send", "channel": "motors", "set": frame{"phi": 7}})
	ann.Expect("change", nil)
	if v := read(bob, frame{"channel": "motors"}); string(v.Values["phi"].Value) != "7" {
		t.Errorf("of a live store bob reads %+v", v)
	}
}

func TestStaffAndServicesWriteForOthersWhereTheRulesSaySo(t *testing.T) {
	n := newNode(t, nodeOptions{})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	_, ann := n.open(t, "alice")
	_, bob := n.open(t, "bob")
	ann.Do(join("results"), "joined", nil)
	service.Do(with(write("results", "k", 1), "owner", "mx-2112"), "written", nil)
	var change wire.Change
	ann.Expect("change", &change)
	if string(change.Set["k"]) != "1" || change.Owner != "" {
		t.Errorf("alice sees %+v", change)
	}
	bob.Refused(with(write("results", "k", 2), "owner", "mx-2112"), "forbidden")
	service.Refused(write("results", "k", 2), "forbidden") // for which proposal?
	var values wire.Values
	service.Do(frame{"type": "read", "channel": "results", "all": true}, "values", &values)
	if data, _ := json.Marshal(values.Owners); len(values.Owners) != 1 || string(values.Owners["mx-2112"]["k"].Value) != "1" {
		t.Errorf("the results are %s", data)
	}
}
