package hub_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestAValueIsChangedUnderItsETag(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	k := n.channel("notes") + "/k"
	alice.Request("GET", k, "").Problem(404, "unknown_name")
	alice.Request("PUT", k, `1`, "If-Match", "*").Problem(412, "conflict")
	made := alice.Request("PUT", k, `{"x":1}`, "If-None-Match", "*")
	made.Want(200)
	bob.Request("PUT", k, `{"x":2}`, "If-None-Match", "*").Problem(412, "conflict")
	tag := made.Header.Get("ETag")
	read := bob.Request("GET", k, "")
	if read.Status != 200 || read.Body != "{\"x\":1}\n" || read.Header.Get("ETag") != tag || read.Header.Get("Baton-By") != "alice" ||
		read.Header.Get("Last-Modified") == "" || read.Header.Get("Content-Type") != "application/json" {
		t.Errorf("read %d %s %v", read.Status, read.Body, read.Header)
	}
	for _, tags := range []string{tag, `"other", ` + tag, "W/" + tag, "*"} {
		if a := bob.Request("GET", k, "", "If-None-Match", tags); a.Status != http.StatusNotModified || a.Body != "" || a.Header.Get("ETag") != tag {
			t.Errorf("with %s: %d %q %v", tags, a.Status, a.Body, a.Header)
		}
	}
	bob.Request("GET", k, "", "If-None-Match", `"other"`).Want(200)
	if head := bob.Request("HEAD", k, ""); head.Status != 200 || head.Body != "" || head.Header.Get("ETag") != tag {
		t.Errorf("the head is %+v", head)
	}
	patch := []string{"Content-Type", "application/merge-patch+json", "If-Match", tag}
	changed := bob.Request("PATCH", k, `{"y":2}`, patch...)
	changed.Want(200)
	p := alice.Request("PATCH", k, `{"z":3}`, patch...).Problem(412, "conflict")
	if current, _ := p["current"].(map[string]any)["k"].(map[string]any); current["by"] != "bob" {
		t.Errorf("the refusal shows %v", p)
	}
	alice.Request("DELETE", k, "", "If-Match", tag).Problem(412, "conflict")
	alice.Request("PUT", k, "1", "If-None-Match", changed.Header.Get("ETag")).Problem(412, "conflict")
	if a := alice.Request("GET", k, ""); a.Body != "{\"x\":1,\"y\":2}\n" || a.Header.Get("ETag") != changed.Header.Get("ETag") {
		t.Errorf("the value is %s, %s", a.Body, a.Header.Get("ETag"))
	}
	alice.Request("DELETE", k, "", "If-Match", changed.Header.Get("ETag")).Want(200)
	alice.Request("GET", k, "").Problem(404, "unknown_name")
	alice.Request("DELETE", k, "").Want(200)
}

func TestWhoMayNotWriteIsToldThatFirst(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	alice.Request("PUT", n.channel("secret")+"/k", "1", "If-Match", "*").Problem(403, "forbidden")
}

func TestKeysAreAnyPrintableText(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for _, key := range []string{"a/b", "ä ö", "100%", "a.b", "?x=1#y", "..a", "*"} {
		path := n.channel("notes") + "/" + url.PathEscape(key)
		alice.Request("PUT", path, `"`+"v"+`"`).Want(200)
		if a := alice.Request("GET", path, ""); a.Status != 200 || a.Body != "\"v\"\n" {
			t.Errorf("%q holds %d %s", key, a.Status, a.Body)
		}
	}
	alice.Request("PUT", n.channel("notes")+"/"+url.PathEscape("a\nb"), "1").Problem(400, "invalid")
}

func TestBodiesOfOtherTypesAndSizesAreRefused(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	k := n.channel("notes") + "/k"
	alice.Request("PUT", k, "1", "Content-Type", "text/plain").Problem(415, "invalid")
	alice.Request("PUT", k, "1", "Content-Type", "application/json; charset=utf-8").Want(200)
	alice.Request("PATCH", k, "{}", "Content-Type", "application/json").Problem(415, "invalid")
	large := make([]byte, 70<<10)
	for i := range large {
		large[i] = 'x'
	}
	alice.Request("PUT", k, `"`+string(large)+`"`).Problem(413, "too_large")
	alice.Request("PUT", k, `{"a":1,"a":2}`).Problem(400, "invalid")
	if a := alice.Request("POST", k, `1`); a.Status != 405 || a.Header.Get("Allow") != "GET, HEAD, PUT, PATCH, DELETE" {
		t.Errorf("a wrong method was answered %d, allowed are %s", a.Status, a.Header.Get("Allow"))
	}
	alice.Request("GET", n.url+"/api/v1/nothing", ``).Problem(404, "unknown_name")
}
