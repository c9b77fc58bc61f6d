package hub_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
)

// spaceList is a page of the spaces.
type spaceList struct {
	Spaces     []hub.Site
	After      string
	Incomplete bool
}

func (l spaceList) names() (names []string) {
	for _, s := range l.Spaces {
		names = append(names, s.Name)
	}
	return names
}

// spaceNames reads all pages of the spaces that are for a browser to know of, of at most so many each.
func spaceNames(t *testing.T, n *node, b *hubtest.Browser, limit int) (names []string) {
	t.Helper()
	after := ""
	for {
		var page spaceList
		b.Request("GET", fmt.Sprintf("%s/api/v1/spaces?limit=%d&after=%s", n.url, limit, after), "").Into(200, &page)
		if names = append(names, page.names()...); !page.Incomplete {
			return names
		}
		if page.After == after || len(page.Spaces) != limit {
			t.Fatalf("a page of %d is %+v", limit, page)
		}
		after = page.After
	}
}

func TestSpacesAreListedToWhomTheyAreFor(t *testing.T) {
	n, admin := tokenNode(t, nodeOptions{limits: hub.Limits{Page: 2}, more: func(o *hub.Options) {
		o.Spaces = append(o.Spaces, hub.Site{Name: "attic"}, hub.Site{Name: "vault", Unlisted: true},
			hub.Site{Name: "office", Admit: []string{"staff"}}, hub.Site{Name: "crypt", Unlisted: true, Admit: []string{"staff"}})
	}})
	for _, c := range []struct {
		who  string
		b    *hubtest.Browser
		sees string
	}{
		{"nobody", hubtest.NewBrowser(t), "attic lab office"},
		{"a user", n.user(t, "alice"), "attic lab vault"},
		{"staff", n.user(t, "sam"), "attic crypt lab office vault"},
		{"a token", hubtest.Program(t, n.create(t, admin, frame{"name": "x", "roles": []string{"user"}}).Token), "lab"},
	} {
		for _, limit := range []int{1, 2} {
			if names := spaceNames(t, n, c.b, limit); strings.Join(names, " ") != c.sees {
				t.Errorf("%s sees %v", c.who, names)
			}
		}
	}
	var page spaceList
	hubtest.NewBrowser(t).Request("GET", n.url+"/api/v1/spaces?limit=1000", "").Into(200, &page)
	if len(page.Spaces) != 2 || !page.Incomplete {
		t.Errorf("more than the cap of 2 at once: %+v", page)
	}
	hubtest.Program(t, "baton_lab_t7_HUSH").Request("GET", n.url+"/api/v1/spaces", "").Problem(401, "signed_out")
}

func TestWhoIsNotAdmittedIsRefusedHoweverTheySignIn(t *testing.T) {
	n := newNode(t, nodeOptions{policy: session.Policy{Admit: []string{"staff"}, Unlisted: true}})
	sam := n.user(t, "sam")
	if names := spaceNames(t, n, hubtest.NewBrowser(t), 10); len(names) != 0 {
		t.Errorf("the rules say that it is unlisted, and nobody sees %v", names)
	}
	if names := spaceNames(t, n, sam, 10); !slices.Equal(names, []string{"lab"}) {
		t.Errorf("sam, who is in there, sees %v", names)
	}
	for _, path := range []string{"session", "bearer"} {
		b := hubtest.NewBrowser(t)
		p := b.Request("POST", n.url+"/api/v1/"+path, `{"space":"lab","user":"alice","password":"alice"}`).Problem(403, "forbidden")
		if !strings.Contains(p["detail"].(string), "staff") {
			t.Errorf("%s says %q", path, p["detail"])
		}
		b.Request("POST", n.url+"/api/v1/"+path, `{"space":"lab","user":"alice","password":"wrong"}`).Problem(401, "wrong_credentials")
	}
}

func TestChannelsAreListedToWhomTheyAreForInPages(t *testing.T) {
	n := newNode(t, nodeOptions{rules: func(r *channels.Rules) {
		r.Channels["drop"] = channels.ChannelRules{Kind: channels.KindLog, Write: []channels.Right{"member"}, Read: []channels.Right{"staff"}}
		r.Channels["wheel"] = channels.ChannelRules{Kind: channels.KindStore, Write: []channels.Right{"operator"}, Read: []channels.Right{"staff"}}
		r.Commands["purge"] = channels.CommandRules{Call: []channels.Right{"staff"}}
	}})
	alice, sam := n.user(t, "alice"), n.user(t, "sam")
	_, tab := n.open(t, "alice")
	type list struct {
		Channels, Commands map[string]any
		After              string
		Incomplete         bool
	}
	read := func(b *hubtest.Browser) (names, commands []string) {
		for after, pages := "", 0; ; pages++ {
			var page list
			b.Request("GET", n.url+"/api/v1/spaces/lab/channels?limit=4&after="+after, "").Into(200, &page)
			names, commands = append(names, keysOf(page.Channels)...), append(commands, keysOf(page.Commands)...)
			if !page.Incomplete {
				return names, commands
			}
			if len(page.Channels) != 4 || pages > 10 {
				t.Fatalf("a page of 4 is %+v", page)
			}
			after = page.After
		}
	}
	names, commands := read(alice)
	if !slices.IsSorted(names) || !slices.Equal(names, keysOf(tab.Welcome.Channels)) || !slices.Equal(commands, keysOf(tab.Welcome.Commands)) {
		t.Errorf("the list has %v and %v, the welcome %v and %v", names, commands, keysOf(tab.Welcome.Channels), keysOf(tab.Welcome.Commands))
	}
	for name, for_ := range map[string]bool{"drop": true, "wheel": true, "secret": false, "whispers": false, "control": true} {
		if slices.Contains(names, name) != for_ {
			t.Errorf("alice's list has %v", names)
		}
	}
	if slices.Contains(commands, "purge") {
		t.Errorf("alice's commands are %v", commands)
	}
	names, commands = read(sam)
	if !slices.Contains(names, "secret") || !slices.Contains(commands, "purge") {
		t.Errorf("sam's list has %v and %v", names, commands)
	}
}
