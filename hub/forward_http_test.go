package hub_test

import (
	"fmt"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

func TestWhatRequestsChangeIsCommittedByTheHomeToo(t *testing.T) {
	home, away := neighbours(t)
	service := hubtest.OpenToken(t, home.url, "service-1", home.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	bob := away.user(t, "bob")
	until(t, "the other node knows the service", func() bool {
		return bob.Request("POST", away.url+"/api/v1/spaces/lab/commands/look", "").Status == 202
	})
	space, notes, patch := away.url+"/api/v1/spaces/lab", away.channel("notes"), "application/merge-patch+json"
	committed, asked, late := away.committed.Load(), away.asked.Load(), away.late.Load()

	made := bob.Request("PUT", notes+"/k", `{"x": "<&>"}`, "If-None-Match", "*")
	made.Want(200)
	bob.Request("PUT", notes+"/k", `1`, "If-None-Match", "*").Problem(412, "conflict")
	patched := bob.Request("PATCH", notes+"/k", `{"y":2}`, "Content-Type", patch, "If-Match", made.Header.Get("ETag"))
	patched.Want(200)
	p := bob.Request("PATCH", notes+"/k", `{"y":3}`, "Content-Type", patch, "If-Match", made.Header.Get("ETag")).Problem(412, "conflict")
	if current, _ := p["current"].(map[string]any)["k"].(map[string]any); current["by"] != "bob" {
		t.Errorf("the refusal shows %v", p)
	}
	if a := bob.Request("GET", notes+"/k", ""); a.Body != "{\"x\":\"<&>\",\"y\":2}\n" || a.Header.Get("ETag") != patched.Header.Get("ETag") {
		t.Errorf("the value is %q, %s", a.Body, a.Header.Get("ETag"))
	}
	bob.Request("DELETE", notes+"/k", "", "If-Match", patched.Header.Get("ETag")).Want(200)

	var written wire.Written
	bob.Request("POST", notes, `{"set":{"a":1,"n":null},"patch":{"b":{"c":1}},"if":{"a":0}}`).Into(200, &written)
	bob.Request("POST", notes, `{"set":{"a":2},"if":{"a":0}}`).Problem(409, "conflict")
	bob.Request("POST", notes, `{"set":{"a":2},"since":"nonsense"}`).Problem(400, "invalid")
	bob.Request("POST", away.channel("secret"), `{"set":{"a":2}}`).Problem(403, "forbidden")
	bob.Request("POST", away.channel("chat"), `{"data":"hello"}`).Want(200)
	bob.Request("POST", space+"/transactions", `{"writes":[{"channel":"notes","set":{"t":1}}],"calls":[{"command":"look"}]}`).Into(200, &written)
	if len(written.Calls) != 1 {
		t.Errorf("the transaction was answered %+v", written)
	}
	p = bob.Request("POST", space+"/transactions", `{"writes":[{"channel":"notes","set":{"t":1}},{"channel":"queue","set":{"t":1}}]}`).Problem(409, "not_operator")
	if p["part"] != "writes/1" {
		t.Errorf("the refusal shows %v", p)
	}
	bob.Request("DELETE", space+"/calls/"+written.Calls[0], "").Want(200)
	bob.Request("POST", space+"/commands/wait", "").Problem(409, "no_service")
	bob.Request("POST", space+"/control/request", `{}`).Want(200)
	bob.Request("POST", space+"/control/release", "").Want(200)

	if more := away.committed.Load() - committed; more > 0 && away.late.Load() == late { // what a busy home holds up it does itself
		t.Errorf("the other node has committed %d entries", more)
	}
	if more := away.asked.Load() - asked; more < 15 {
		t.Errorf("it has asked the home %d times only", more)
	}
}

func TestARequestThatIsSentAgainIsAnsweredAsBeforeWhoeverDecidesIt(t *testing.T) {
	_, away := neighbours(t)
	bob := away.user(t, "bob")
	requests := [][2]string{
		{"POST", away.channel("notes")},
		{"PUT", away.channel("notes") + "/k"},
		{"POST", away.channel("chat")},
		{"POST", away.url + "/api/v1/spaces/lab/transactions"},
		{"POST", away.url + "/api/v1/spaces/lab/control/request"},
	}
	bodies := []string{`{"set": {"a": "<b> & c"}}`, `"<b> & c"`, `{"data": "<b> & c"}`, `{"writes":[{"channel":"notes","set":{"t":"<"}}]}`, `{}`}
	var first []string
	for _, how := range []string{"", "nobody answers"} {
		away.how.Store(how)
		for i, r := range requests {
			a := bob.Request(r[0], r[1], bodies[i], "Baton-Op", fmt.Sprintf("script-1.%d", i+1))
			a.Want(200)
			if how == "" {
				first = append(first, a.Body)
			} else if a.Body != first[i] {
				t.Errorf("%s %s was answered %s, and again %s", r[0], r[1], first[i], a.Body)
			}
		}
	}
}

// Nobody can send a request again that has no operation id. So the node that took it sees to it that it is done once.
func TestARequestWithoutAnOperationIDAppliesOnceWhateverTheHomeDoesWithIt(t *testing.T) {
	for _, how := range []string{"nobody answers", "the answer is lost", "late", "nonsense", "a lie"} {
		t.Run(how, func(t *testing.T) {
			_, away := neighbours(t)
			bob := away.user(t, "bob")
			away.how.Store(how)
			asked := away.asked.Load()
			const messages = 5
			for i := range messages {
				var written wire.Written
				bob.Request("POST", away.channel("chat"), fmt.Sprintf(`{"data":%d}`, i)).Into(200, &written)
				if written.Position == 0 {
					t.Errorf("message %d was answered %+v", i, written)
				}
			}
			if how == "late" {
				until(t, "the home was handed it, too", func() bool { return away.asked.Load() >= asked+2 })
			}
			away.how.Store("")
			away.tab.Do(frame{"type": "append", "channel": "chat", "data": messages}, "appended", nil) // after whatever is under way
			space, err := away.Space(t.Context(), "lab")
			if err != nil {
				t.Fatal(err)
			}
			space.Read(func(state *channels.State) {
				said, _ := state.Messages("chat", 0)
				for i, m := range said {
					if string(m.Data) != fmt.Sprint(i) {
						t.Errorf("message %d is %s", i, m.Data)
					}
				}
				if len(said) != messages+1 {
					t.Errorf("there are %d messages", len(said))
				}
			})
		})
	}
}
