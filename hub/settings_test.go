package hub_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func TestOtherSettingsCountFromTheNextRequestOn(t *testing.T) {
	o := newOffice(t)
	n, _ := tokenNode(t, nodeOptions{more: o.trusted})
	script := hubtest.Program(t, o.token("alice", time.Hour))
	script.Request("GET", n.channel("notes"), "").Want(200)
	tab := hubtest.OpenToken(t, n.url, "script-1", o.token("alice", 24*time.Hour))
	settings := hub.Settings{
		Title: "Other", Titles: map[string]string{"lab": "Other lab"}, Sign: session.Dev{}, Origins: []string{"https://ui.example.org"},
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	}
	if err := n.Change(settings); err != nil {
		t.Fatal(err)
	}
	if a := script.Request("GET", n.channel("notes"), ""); a.Status != 401 {
		t.Errorf("an issuer that is not trusted any more lets in: %d", a.Status)
	}
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("a socket with a token of that issuer was closed with %d", code)
	}
	browser := hubtest.NewBrowser(t)
	a := browser.Request("GET", n.url+"/api/v1/spaces", "", "Origin", "https://ui.example.org")
	if a.Header.Get("Access-Control-Allow-Origin") != "https://ui.example.org" {
		t.Error("the origin is not allowed")
	}
	var site struct {
		Title  string
		Spaces []struct{ Title string }
	}
	a.Into(200, &site)
	if site.Title != "Other" || site.Spaces[0].Title != "Other lab" {
		t.Errorf("it is shown as %+v", site)
	}

	settings.Title, settings.Origins = "Third", []string{"no origin"}
	if err := n.Change(settings); err == nil {
		t.Fatal("what is no origin was taken")
	}
	browser.Request("GET", n.url+"/api/v1/spaces", "").Into(200, &site)
	if site.Title != "Other" {
		t.Error("settings that cannot be have changed something")
	}
}
