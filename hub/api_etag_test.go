package hub_test

import (
	"encoding/json"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/hubtest"
)

func TestADefaultIsChangedUnderItsETag(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	k := n.channel("settings") + "/beam"
	tag := alice.Request("GET", k, "").Header.Get("ETag")
	alice.Request("GET", k, "", "If-None-Match", tag).Want(304)
	alice.Request("PUT", k, `1`, "If-None-Match", tag).Problem(412, "conflict")
	alice.Request("PUT", k, `1`, "If-Match", `"default-other"`).Problem(412, "conflict")
	alice.Request("PUT", k, `1`, "If-Match", "*").Problem(412, "conflict") // it has no value of its own
	bob.Request("PATCH", k, `{"size":20}`, "If-Match", tag, "Content-Type", "application/merge-patch+json").Want(200)
	alice.Request("PUT", k, `{"size":30}`, "If-Match", tag).Problem(412, "conflict")
	now := alice.Request("GET", k, "", "If-None-Match", tag)
	if now.Want(200); now.Body != "{\"size\":20}\n" || now.Header.Get("ETag") == tag {
		t.Errorf("it is %s, %s", now.Body, now.Header.Get("ETag"))
	}
	alice.Request("DELETE", k, "").Want(200)
	alice.Request("PUT", k, `{"size":40}`, "If-Match", tag).Want(200) // as it was
}

func TestADefaultThatTheSiteFileChangedIsReadAnew(t *testing.T) {
	store := natstest.Embedded(t)
	one := newNode(t, nodeOptions{store: store})
	tag := one.user(t, "alice").Request("GET", one.channel("settings")+"/beam", "").Header.Get("ETag")
	one.close()
	two := newNode(t, nodeOptions{store: store, rules: func(r *channels.Rules) {
		r.Version = 2
		c := r.Channels["settings"]
		c.Default = map[string]json.RawMessage{"beam": json.RawMessage(`{"size":99}`)}
		r.Channels["settings"] = c
	}})
	alice := two.user(t, "alice")
	alice.Request("PUT", two.channel("settings")+"/beam", `1`, "If-Match", tag).Problem(412, "conflict")
	if a := alice.Request("GET", two.channel("settings")+"/beam", "", "If-None-Match", tag); a.Status != 200 || a.Body != "{\"size\":99}\n" {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
}

func TestAConditionThatIsNoneIsRefused(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	k := n.channel("notes") + "/k"
	tag := alice.Request("PUT", k, "1").Header.Get("ETag")
	for _, header := range []string{"If-Match", "If-None-Match"} {
		for _, value := range []string{"", " ", ",", tag[1 : len(tag)-1], tag + "x", `"`, `"a" b`, `"a"b"`, "*, " + tag, "W/"} {
			alice.Request("PUT", k, "2", header, value).Problem(400, "invalid")
			alice.Request("DELETE", k, "", header, value).Problem(400, "invalid")
		}
	}
	alice.Request("GET", k, "", "If-None-Match", "").Problem(400, "invalid")
	if a := alice.Request("GET", k, ""); a.Body != "1\n" {
		t.Errorf("the value is %s", a.Body)
	}
}

func TestWhatIsNotModifiedIsKeptAsWhatIs(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	k := n.channel("notes") + "/k"
	alice.Request("PUT", k, "1").Want(200)
	read := alice.Request("GET", k, "")
	same := alice.Request("GET", k, "", "If-None-Match", read.Header.Get("ETag"))
	same.Want(304)
	if a, b := read.Header.Values("Cache-Control"), same.Header.Values("Cache-Control"); len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("200 has %q, 304 has %q", a, b)
	}
}

func TestALiveStoreTakesNothingThatItCannotKeep(t *testing.T) {
	n := newNode(t, nodeOptions{})
	robot := hubtest.Program(t, n.token(t, "robot"))
	k := n.channel("motors") + "/x"
	robot.Request("PUT", k+"?owner=bob", "1").Problem(400, "invalid")
	robot.Request("PUT", k, "1", "Baton-Term", "7").Problem(400, "invalid")
	robot.Request("PUT", k+"?term=7", "1").Problem(400, "invalid")
	robot.Request("DELETE", k, "", "Baton-Op", "script.1").Problem(400, "invalid")
	robot.Request("POST", n.channel("motors"), `{"set":{"x":1},"term":7}`).Problem(400, "invalid")
	robot.Request("POST", n.channel("motors"), `{"set":{"x":1}}`, "Baton-Op", "script.1").Problem(400, "invalid")
	robot.Request("PUT", k, "1").Want(200)
}
