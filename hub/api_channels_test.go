package hub_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// page is the answer of a read.
type page struct {
	Channel    string
	Owner      string
	Cursor     string
	Mode       string
	Reason     string
	MustReset  bool `json:"must_reset"`
	Incomplete bool
	Values     map[string]wire.Value
	Removed    []string
	Messages   []wire.LogMessage
	Gap        bool
	Owners     map[string]map[string]wire.Value
	NextMS     int64 `json:"next_ms"`
}

// user signs somebody in, without a tab.
func (n *node) user(t *testing.T, name string) *hubtest.Browser {
	t.Helper()
	b := hubtest.NewBrowser(t)
	b.SignIn(n.url, "lab", name)
	return b
}

func (n *node) channel(name string) string { return n.url + "/api/v1/spaces/lab/channels/" + name }

func TestAWriteIsReadBackFromItsCursorAndNoMore(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	var first, second wire.Written
	alice.Request("POST", n.channel("notes"), `{"set":{"a":1,"b":0.10e1,"n":null}}`).Into(200, &first)
	alice.Request("POST", n.channel("notes"), `{"set":{"c":3},"delete":["a"],"patch":{"d":{"x":{"y":1}}}}`).Into(200, &second)
	var all, since page
	alice.Request("GET", n.channel("notes"), "").Into(200, &all)
	alice.Request("GET", n.channel("notes")+"?since="+first.Cursor, "").Into(200, &since)
	if all.Mode != "snapshot" || all.Reason != "new" || all.MustReset || all.Cursor != second.Cursor || len(all.Values) != 4 ||
		string(all.Values["b"].Value) != "0.10e1" || string(all.Values["n"].Value) != "null" || all.Values["b"].By != "alice" {
		t.Errorf("all is %+v", all)
	}
	if since.Mode != "delta" || len(since.Values) != 2 || string(since.Values["d"].Value) != `{"x":{"y":1}}` ||
		len(since.Removed) != 1 || since.Removed[0] != "a" || since.NextMS == 0 {
		t.Errorf("since the first write is %+v", since)
	}
}

func TestPagesFollowedToTheEndHoldEverything(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for i := range 23 {
		alice.Request("POST", n.channel("notes"), `{"set":{"k`+strconv.Itoa(i)+`":`+strconv.Itoa(i)+`}}`).Want(200)
		alice.Request("POST", n.channel("chat"), `{"data":`+strconv.Itoa(i)+`}`).Want(200)
	}
	for _, channel := range []string{"notes", "chat"} {
		pages, values, messages, cursor := 0, map[string]bool{}, 0, ""
		for more := true; more && pages < 50; pages++ {
			var p page
			alice.Request("GET", n.channel(channel)+"?limit=5&since="+cursor, "").Into(200, &p)
			for key := range p.Values {
				values[key] = true
			}
			for _, m := range p.Messages {
				if string(m.Data) != strconv.Itoa(messages) {
					t.Fatalf("message %d is %s", messages, m.Data)
				}
				messages++
			}
			if p.Incomplete && p.NextMS != 0 || p.MustReset {
				t.Errorf("a page of %s: %+v", channel, p)
			}
			cursor, more = p.Cursor, p.Incomplete
		}
		if pages != 5 || len(values)+messages != 23 {
			t.Errorf("%s: %d pages, %d values, %d messages", channel, pages, len(values), messages)
		}
	}
}

func TestAReadWaitsForTheFirstChange(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	service := hubtest.Program(t, n.token(t, "robot"))
	for channel, body := range map[string]string{"notes": `{"set":{"k":1}}`, "chat": `{"data":"hello"}`, "motors": `{"set":{"x":1}}`} {
		var before, after page
		alice.Request("GET", n.channel(channel), "").Into(200, &before)
		writer := bob
		if channel == "motors" {
			writer = service
		}
		got := make(chan page)
		go func() {
			alice.Request("GET", n.channel(channel)+"?wait=20s&since="+before.Cursor, "").Into(200, &after)
			got <- after
		}()
		select {
		case p := <-got:
			t.Fatalf("%s: answered %+v before anything changed", channel, p)
		case <-time.After(50 * time.Millisecond): // a wrong answer would be there by now
		}
		begin := time.Now()
		writer.Request("POST", n.channel(channel), body).Want(200)
		p := <-got
		if time.Since(begin) > 15*time.Second || p.Mode != "delta" || len(p.Values)+len(p.Messages) != 1 || p.NextMS != 0 {
			t.Errorf("%s: after %s came %+v", channel, time.Since(begin), p)
		}
	}
	var p page
	alice.Request("GET", n.channel("notes")+"?wait=50ms&since="+cursorOf(t, n), "").Into(200, &p)
	if p.Mode != "delta" || len(p.Values) != 0 {
		t.Errorf("nothing changed, and yet %+v", p)
	}
}

func cursorOf(t *testing.T, n *node) (cursor string) {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(s *channels.State) { cursor = s.Cursor().String() })
	return cursor
}

func TestACursorThatCannotBeFollowedSaysSoAndGetsEverything(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	var w wire.Written
	alice.Request("POST", n.channel("notes"), `{"set":{"k":1}}`).Into(200, &w)
	for cursor, reason := range map[string]string{"nosuchepoch-5": "epoch", w.Cursor + "zz": "ahead"} {
		var p page
		alice.Request("GET", n.channel("notes")+"?since="+cursor, "").Into(200, &p)
		if p.Mode != "snapshot" || !p.MustReset || p.Reason != reason || len(p.Values) != 1 {
			t.Errorf("since %s: %+v", cursor, p)
		}
	}
	alice.Request("GET", n.channel("notes")+"?since=nonsense", "").Problem(400, "invalid")
}

func TestAWriterThatHasNotSeenEverythingIsRefusedWithWhatIsThere(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	var seen, fresh wire.Written
	alice.Request("POST", n.channel("notes"), `{"set":{"a":1,"b":1}}`).Into(200, &seen)
	bob.Request("POST", n.channel("notes"), `{"set":{"b":2}}`).Into(200, &fresh)
	stale := `{"set":{"a":3},"since":"` + seen.Cursor + `"}`
	p := alice.Request("POST", n.channel("notes"), stale).Problem(409, "conflict")
	if current, _ := p["current"].(map[string]any)["a"].(map[string]any); current["value"] != 1.0 {
		t.Errorf("the refusal shows %v", p["current"])
	}
	alice.Request("POST", n.channel("notes"), strings.Replace(stale, "since", "unseen", 1)).Want(200) // a itself is as it was
	alice.Request("POST", n.channel("notes"), `{"set":{"b":3},"unseen":"`+seen.Cursor+`"}`).Problem(409, "conflict")
	alice.Request("POST", n.channel("notes"), `{"set":{"b":3},"if":{"b":`+strconv.FormatUint(seen.Position, 10)+`}}`).Problem(409, "conflict")
	alice.Request("POST", n.channel("notes"), `{"set":{"b":3},"if":{"b":`+strconv.FormatUint(fresh.Position, 10)+`}}`).Want(200)
}

func TestAnOperationIsDoneOnceHoweverOftenItIsSent(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	var first, again, other wire.Written
	alice.Request("POST", n.channel("chat"), `{"data":"once"}`, "Baton-Op", "script.7").Into(200, &first)
	alice.Request("POST", n.channel("chat"), `{"data":"once","op":"script.7"}`).Into(200, &again)
	if first.Position != again.Position || first.Cursor != again.Cursor {
		t.Errorf("answered %+v, then %+v", first, again)
	}
	alice.Request("POST", n.channel("chat"), `{"data":"twice"}`, "Baton-Op", "script.7").Problem(409, "op_reused")
	bob.Request("POST", n.channel("chat"), `{"data":"once"}`, "Baton-Op", "script.7").Problem(409, "op_reused")
	alice.Request("POST", n.channel("chat"), `{"data":"once","op":"script.8"}`, "Baton-Op", "script.9").Problem(400, "invalid")
	alice.Request("POST", n.channel("chat"), `{"data":"once"}`).Into(200, &other)
	if other.Position == first.Position {
		t.Error("two requests without an operation id became one")
	}
}

func TestATransactionIsAllOrNothing(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	space := n.url + "/api/v1/spaces/lab/"
	p := alice.Request("POST", space+"transactions",
		`{"writes":[{"channel":"notes","set":{"k":1}},{"channel":"secret","set":{"k":1}}],"appends":[{"channel":"chat","data":1}]}`).Problem(403, "forbidden")
	if p["part"] != "writes/1" {
		t.Errorf("the refusal is about %v", p["part"])
	}
	var read page
	alice.Request("GET", n.channel("notes"), "").Into(200, &read)
	if len(read.Values) != 0 {
		t.Errorf("a part of it happened: %+v", read)
	}
	var w wire.Written
	alice.Request("POST", space+"transactions",
		`{"writes":[{"channel":"notes","set":{"k":1}},{"channel":"ui","set":{"k":1}}],"appends":[{"channel":"chat","data":1}]}`).Into(200, &w)
	for _, channel := range []string{"notes", "ui", "chat"} {
		alice.Request("GET", n.channel(channel), "").Into(200, &read)
		if read.Cursor != w.Cursor || len(read.Values)+len(read.Messages) == 0 {
			t.Errorf("%s has %+v", channel, read)
		}
	}
}

func TestOnlyTheOperatorWritesUnderTheTerm(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	control := n.url + "/api/v1/spaces/lab/control"
	var moved struct{ Term uint64 }
	alice.Request("POST", control+"/request", "").Into(200, &moved)
	alice.Request("POST", n.channel("queue"), `{"set":{"k":1}}`).Problem(409, "no_term")
	term := strconv.FormatUint(moved.Term, 10)
	alice.Request("POST", n.channel("queue"), `{"set":{"k":1},"term":`+term+`}`).Want(200)
	alice.Request("PUT", n.channel("queue")+"/k?term="+term, `2`).Want(200)
	alice.Request("PUT", n.channel("queue")+"/k", `2`, "Baton-Term", term).Want(200)
	alice.Request("PUT", n.channel("queue")+"/k?term=7", `2`, "Baton-Term", term).Problem(400, "invalid")
	bob.Request("PUT", n.channel("queue")+"/k?term="+term, `2`).Problem(409, "not_operator")
	bob.Request("POST", control+"/grant", `{"request":"none"}`).Problem(409, "not_operator")
	bob.Request("POST", control+"/seize", ``).Problem(400, "invalid")
	var state wire.ControlState
	bob.Request("GET", control, "").Into(200, &state)
	if state.Operator == nil || state.Operator.User != "alice" || state.Term != moved.Term {
		t.Errorf("in control: %+v", state)
	}
}

func TestEverybodysValuesAreForThoseWhoMayReadThem(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob, sam := n.user(t, "alice"), n.user(t, "bob"), n.user(t, "sam")
	alice.Request("PUT", n.channel("ui")+"/theme", `"dark"`).Want(200)
	bob.Request("PUT", n.channel("ui")+"/theme", `"light"`).Want(200)
	bob.Request("GET", n.channel("ui")+"?all=true", "").Problem(403, "forbidden")
	bob.Request("GET", n.channel("ui")+"?owner=alice", "").Problem(403, "forbidden")
	bob.Request("GET", n.channel("ui")+"/theme?owner=alice", "").Problem(403, "forbidden")
	bob.Request("PUT", n.channel("ui")+"/theme?owner=alice", "1").Problem(403, "forbidden")
	var all, one page
	sam.Request("GET", n.channel("ui")+"?all=true", "").Into(200, &all)
	sam.Request("GET", n.channel("ui")+"?owner=bob", "").Into(200, &one)
	if len(all.Owners) != 2 || string(all.Owners["alice"]["theme"].Value) != `"dark"` || one.Owner != "bob" || string(one.Values["theme"].Value) != `"light"` {
		t.Errorf("all %+v, one %+v", all, one)
	}
	if a := sam.Request("GET", n.channel("ui")+"/theme?owner=alice", ""); a.Status != 200 || a.Body != "\"dark\"\n" {
		t.Errorf("alice's theme is %d %s", a.Status, a.Body)
	}
	sam.Request("GET", n.channel("notes")+"?all=true", "").Problem(400, "invalid")
}

func TestEverybodysValuesAreNotForThoseWhoMayNotReadTheStoreAtAll(t *testing.T) {
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		r.Channels["diary"] = channels.ChannelRules{
			Kind: channels.KindStore, Scope: channels.ScopeUser, Write: []channels.Right{"owner"}, Read: []channels.Right{"staff"},
		}
	}})
	sam, token := n.user(t, "sam"), n.token(t, "robot")
	sam.Request("PUT", n.channel("diary")+"/today", `"rain"`).Want(200)
	sam.Request("GET", n.channel("diary")+"?all=true", "").Want(200)
	robot := hubtest.Program(t, token) // services read everybody's, of the stores that they read
	robot.Request("GET", n.channel("diary")+"?owner=sam", "").Problem(403, "forbidden")
	robot.Request("GET", n.channel("diary")+"?all=true", "").Problem(403, "forbidden")
	hubtest.OpenToken(t, n.url, "robot-1", token).Refused(frame{"type": "read", "channel": "diary", "all": true}, "forbidden")
}

func TestLiveValuesAreSentByServicesAndReadByAll(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, robot := n.user(t, "alice"), hubtest.Program(t, n.token(t, "robot"))
	alice.Request("POST", n.channel("motors"), `{"set":{"x":1}}`).Problem(403, "forbidden")
	robot.Request("POST", n.channel("motors"), `{"set":{"x":1,"y":2}}`).Want(200)
	robot.Request("PUT", n.channel("motors")+"/x", `1.5`).Want(200)
	robot.Request("DELETE", n.channel("motors")+"/y", ``).Want(200)
	robot.Request("PUT", n.channel("motors")+"/x", `1.5`, "If-Match", "*").Problem(400, "invalid")
	robot.Request("POST", n.channel("motors"), `{"set":{"x":1},"if":{"x":0}}`).Problem(400, "invalid")
	var p page
	for deadline := time.Now().Add(hubtest.Patience); ; {
		cursor := p.Cursor
		p = page{}
		alice.Request("GET", n.channel("motors")+"?wait=2s&since="+cursor, "").Into(200, &p)
		if string(p.Values["x"].Value) == "1.5" || time.Now().After(deadline) {
			break
		}
	}
	alice.Request("GET", n.channel("motors"), "").Into(200, &p)
	if a := alice.Request("GET", n.channel("motors")+"/x", ""); a.Body != "1.5\n" || a.Header.Get("ETag") != "" {
		t.Errorf("x is %s, with the ETag %s", a.Body, a.Header.Get("ETag"))
	}
}

func TestWhatAChannelIsNotIsRefused(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for body, status := range map[string]int{
		`{"data":1}`: 400, `{}`: 400, `{"set":{"k":1},"data":2}`: 400, `{"set":{"":1}}`: 400, `{"set":{"k":1},"delete":["k"]}`: 400,
		`{"set":{"k":1},"if":{"k":-1}}`: 400, `{"set":{"k":1},"if":{"k":1.5}}`: 400, `{"set":{"k":1},"op":"x"}`: 400, `[]`: 400, ``: 400,
		`{"set":{"k":1},"set":{"l":1}}`: 400, `{"Set":{"k":1}}`: 400, `{"set":{"k":1}} 2`: 400, `{"set":{"k":1},"extra":1}`: 400, `{"set":null}`: 400,
	} {
		if a := alice.Request("POST", n.channel("notes"), body); a.Status != status {
			if body == "" {
				a.Problem(415, "invalid")
				continue
			}
			t.Errorf("%s was answered %d %s", body, a.Status, a.Body)
		}
	}
	alice.Request("POST", n.channel("chat"), `{"set":{"k":1}}`).Problem(400, "invalid")
	alice.Request("POST", n.channel("chat"), `{}`).Problem(400, "invalid")
	alice.Request("PUT", n.channel("chat")+"/k", `1`).Problem(400, "invalid")
	alice.Request("GET", n.channel("chat")+"/k", ``).Problem(400, "invalid")
	alice.Request("POST", n.channel("nowhere"), `{"set":{"k":1}}`).Problem(404, "unknown_name")
	alice.Request("GET", n.channel("nowhere"), ``).Problem(404, "unknown_name")
	alice.Request("GET", n.channel("~sessions"), ``).Problem(404, "unknown_name")
	alice.Request("GET", n.channel("secret"), ``).Problem(403, "forbidden")
	alice.Request("GET", n.channel("secret")+"/k", ``).Problem(403, "forbidden")
	alice.Request("GET", n.channel("notes")+"?limit=0", ``).Problem(400, "invalid")
	alice.Request("GET", n.channel("notes")+"?wait=soon", ``).Problem(400, "invalid")
	alice.Request("GET", n.url+"/api/v1/spaces/elsewhere/channels/notes", ``).Problem(404, "unknown_name")
	var control page
	alice.Request("GET", n.channel("control"), ``).Into(http.StatusOK, &control)
}

func TestAPageIsBoundedInBytesToo(t *testing.T) {
	n := newNode(t, nodeOptions{})
	robot := hubtest.Program(t, n.token(t, "robot"))
	value := `["` + strings.Repeat("x", 15<<10) + `","` + strings.Repeat("y", 15<<10) + `","` + strings.Repeat("z", 15<<10) + `"]`
	const count = 120
	for i := range count {
		robot.Request("PUT", n.channel("notes")+"/k"+strconv.Itoa(i), value).Want(200)
	}
	found, cursor, pages := 0, "", 0
	for more := true; more && pages < 50; pages++ {
		var p page
		a := robot.Request("GET", n.channel("notes")+"?limit=10000&since="+cursor, "")
		a.Into(200, &p)
		if len(a.Body) > 5<<20 {
			t.Errorf("a page of %d bytes", len(a.Body))
		}
		found, cursor, more = found+len(p.Values), p.Cursor, p.Incomplete
	}
	if found != count || pages < 2 {
		t.Errorf("%d values in %d pages", found, pages)
	}
}
