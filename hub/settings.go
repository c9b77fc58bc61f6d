package hub

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/baton-hub/baton/session"
)

// Settings are those of the Options that can change while the hub runs, see there. Who is connected stays connected, and
// who is signed in signed in; but the tokens of an issuer that is not trusted any more end.
type Settings struct {
	Title    string
	Titles   map[string]string // of the spaces, by name
	Origins  []string
	Proxies  []netip.Prefix
	Roles    []string
	Sign     session.Authenticator
	Outside  Outside
	DevUsers []string

	Redirects []session.Redirector
}

// settings are those of the options that can change.
func (o Options) settings() Settings {
	s := Settings{
		Title: o.Title, Titles: map[string]string{}, Origins: o.Origins, Proxies: o.Proxies, Roles: o.Roles, Sign: o.Sign, Outside: o.Outside, DevUsers: o.DevUsers,
		Redirects: o.Redirects,
	}
	for _, space := range o.Spaces {
		s.Titles[space.Name] = space.Title
	}
	return s
}

// A setup is the settings of a hub with what is made of them. It never changes: a request goes by the one that it found.
type setup struct {
	Settings
	spaces  []Site
	guard   session.Guard
	origins *http.CrossOriginProtection
}

// Change has the hub go by other settings from now on, all or, with an error, none of them.
func (h *Hub) Change(s Settings) error {
	o := h.options
	now := &setup{
		Settings: s, spaces: slices.Clone(o.Spaces), origins: http.NewCrossOriginProtection(),
		guard: session.Guard{Sign: s.Sign, Throttle: o.Throttle, Roles: s.Roles, RefuseAfter: o.RefuseAfter, Logger: o.Logger},
	}
	for i, space := range now.spaces {
		now.spaces[i].Title = s.Titles[space.Name]
	}
	if err := checkRedirects(s.Redirects, o.Seal); err != nil {
		return err
	}
	for _, origin := range s.Origins {
		if err := now.origins.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("origin %s: %w", origin, err)
		}
	}
	was := h.setup.Swap(now)
	if was == nil {
		return nil
	}
	gone := slices.DeleteFunc(issuersOf(was.Outside), func(name string) bool { return slices.Contains(issuersOf(s.Outside), name) })
	if len(gone) > 0 {
		h.distrust(gone)
	}
	return nil
}

// RulesInForce returns the version of the rules in force in each space that is open here.
func (h *Hub) RulesInForce() map[string]int {
	versions := map[string]int{}
	for name, r := range h.rooms {
		if r.replica() == nil {
			continue
		}
		r.mu.Lock()
		versions[name] = r.rules
		r.mu.Unlock()
	}
	return versions
}
