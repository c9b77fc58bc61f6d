package hub_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
)

// A refusable is a request that is refused as things are, and can be done once something else has happened.
type refusable struct {
	what, method, url, body string
	condition               []string // a header
	status                  int
	code                    string
	allowed                 func() // makes it so
	done                    int    // the status when it is done
}

func (r refusable) ask(b *hubtest.Browser, headers ...string) *hubtest.Answer {
	return b.Request(r.method, r.url, r.body, slices.Concat(headers, r.condition)...)
}

// refusables are requests of every kind that has an operation id.
func refusables(t *testing.T, n *node, alice *hubtest.Browser) []refusable {
	t.Helper()
	put := func(key string) { alice.Request("PUT", n.channel("notes")+"/"+key, "1").Want(200) }
	remove := func(key string) { alice.Request("DELETE", n.channel("notes")+"/"+key, "").Want(200) }
	for _, key := range []string{"a", "b", "c"} {
		put(key)
	}
	space, ifThere, ifNew := n.url+"/api/v1/spaces/lab/", []string{"If-Match", "*"}, []string{"If-None-Match", "*"}
	return []refusable{
		{
			what: "a write", method: "POST", url: n.channel("notes"), body: `{"set":{"a":2},"if":{"a":0}}`,
			status: 409, code: "conflict", allowed: func() { remove("a") }, done: 200,
		},
		{
			what: "a transaction", method: "POST", url: space + "transactions", body: `{"writes":[{"channel":"notes","set":{"b":2},"if":{"b":0}}]}`,
			status: 409, code: "conflict", allowed: func() { remove("b") }, done: 200,
		},
		{
			what: "a new key", method: "PUT", url: n.channel("notes") + "/c", body: "2", condition: ifNew,
			status: 412, code: "conflict", allowed: func() { remove("c") }, done: 200,
		},
		{
			what: "a change of a key", method: "PUT", url: n.channel("notes") + "/d", body: "2", condition: ifThere,
			status: 412, code: "conflict", allowed: func() { put("d") }, done: 200,
		},
		{
			what: "a deletion", method: "DELETE", url: n.channel("notes") + "/e", condition: ifThere,
			status: 412, code: "conflict", allowed: func() { put("e") }, done: 200,
		},
		{
			what: "a move of control", method: "POST", url: space + "control/release",
			status: 409, code: "control", allowed: func() { alice.Request("POST", space+"control/request", "").Want(200) }, done: 200,
		},
		{
			what: "a call", method: "POST", url: n.command("look"), body: `{"args":1}`,
			status: 409, code: "no_service", allowed: func() { n.serving(t, "look") }, done: http.StatusAccepted,
		},
	}
}

func TestARefusalOfWhatWasSentBeforeIsTheLastWord(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for i, r := range refusables(t, n, alice) {
		op := []string{"Baton-Op", fmt.Sprintf("script-%d.1", i), "Baton-Again", "true"}
		first := r.ask(alice, op...)
		first.Problem(r.status, r.code)
		r.allowed()
		for _, headers := range [][]string{op, op[:2]} { // sent once more, and the first sending, if it was late
			if a := r.ask(alice, headers...); a.Status != r.status || a.Body != first.Body {
				t.Errorf("%s was answered %d %s, and then, with %v, %d %s", r.what, first.Status, first.Body, headers, a.Status, a.Body)
			}
		}
		r.ask(alice, "Baton-Op", fmt.Sprintf("script-%d.2", i)).Want(r.done) // it could be done by then
	}
}

func TestARefusalOfWhatWasNotSentBeforeIsDecidedAnew(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for i, r := range refusables(t, n, alice) {
		op := []string{"Baton-Op", fmt.Sprintf("script-%d.1", i)}
		if i%2 == 0 {
			op = append(op, "Baton-Again", "false")
		}
		r.ask(alice, op...).Problem(r.status, r.code)
		r.allowed()
		r.ask(alice, op...).Want(r.done)
	}
}

func TestAWordThatIsNeitherTrueNorFalseIsRefusedAndNothingIsDone(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for _, word := range []string{"yes", "2", "true, true"} {
		p := alice.Request("PUT", n.channel("notes")+"/k", "1", "Baton-Op", "script.1", "Baton-Again", word).Problem(400, "invalid")
		if want := "header.Baton-Again: is neither true nor false: send one of them"; p["detail"] != want {
			t.Errorf("%q was answered %q", word, p["detail"])
		}
	}
	alice.Request("PUT", n.channel("notes")+"/k", "1", "If-None-Match", "*").Want(200)
}

func TestEveryOperationWithAnIDSaysWhatBatonAgainIs(t *testing.T) {
	operations, _ := documented(t)
	found := 0
	for _, o := range operations {
		named := func(name string) int {
			return slices.IndexFunc(o.Parameters, func(p parameter) bool { return p.In == "header" && p.Name == name })
		}
		if named("Baton-Op") < 0 {
			continue
		}
		found++
		if i := named("Baton-Again"); i < 0 || o.Parameters[i].Schema.Type != "boolean" || !strings.Contains(o.Parameters[i].Description, "sent before") {
			t.Errorf("%s %s has the parameters %+v", o.method, o.path, o.Parameters)
		}
	}
	if found < 8 {
		t.Errorf("the document has %d operations with an id", found)
	}
}

// Another version of the site file may have come into force meanwhile.
func TestWhatIsSentAgainUnderOtherRulesIsAnsweredAsItWasFirst(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	requests := map[string][3]string{
		"a write":         {"POST", n.channel("notes"), `{"set":{"k":1}}`},
		"a message":       {"POST", n.channel("chat"), `{"data":1}`},
		"a change of key": {"PUT", n.channel("notes") + "/l", "1"},
	}
	ask := func(what, op string, headers ...string) *hubtest.Answer {
		r := requests[what]
		return alice.Request(r[0], r[1], r[2], append(headers, "Baton-Op", strings.ReplaceAll(what, " ", "-")+op)...)
	}
	first := map[string]*hubtest.Answer{}
	for what := range requests {
		first[what] = ask(what, ".1")
		first[what].Want(200)
	}
	n.putInForce(t, 2, func(r *channels.Rules) {
		delete(r.Channels, "notes")
		delete(r.Channels, "chat")
	})
	for what := range requests {
		if a := ask(what, ".1", "Baton-Again", "true"); a.Status != 200 || a.Body != first[what].Body {
			t.Errorf("%s was done, and then answered %d %s", what, a.Status, a.Body)
		}
		ask(what, ".2", "Baton-Again", "true").Problem(404, "unknown_name")
	}
	n.putInForce(t, 3, func(*channels.Rules) {})
	for what := range requests {
		if a := ask(what, ".2"); a.Status != 404 {
			t.Errorf("%s was refused when it was sent again, and then done: %d %s", what, a.Status, a.Body)
		}
	}
}
