package hub

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

type sitesInput struct{ PageInput }

type siteOutput struct {
	Body struct {
		Title      string   `json:"title" doc:"Of the site, for people."`
		Spaces     []Site   `json:"spaces" doc:"By name."`
		After      string   `json:"after,omitempty" doc:"If there are more: ask again with this."`
		Incomplete bool     `json:"incomplete" doc:"There are more."`
		DevUsers   []string `json:"dev_users,omitempty" doc:"With --dev only: who can sign in, with the name as the password."`

		Providers []Provider `json:"providers,omitempty" doc:"Other sites that sign people in."`
	}
}

type channelsInput struct {
	SpacePath
	PageInput
}

type channelsOutput struct {
	Body struct {
		Channels   wire.Table[wire.ChannelRules] `json:"channels" doc:"Of the page, with their rules."`
		Commands   wire.Table[wire.CommandRules] `json:"commands,omitempty" doc:"All of them, on the first page."`
		After      string                        `json:"after,omitempty" doc:"If there are more: ask again with this."`
		Incomplete bool                          `json:"incomplete" doc:"There are more."`
	}
}

// listOperations tell what there is, each as far as it is for who asks.
func listOperations(a *api) {
	public(a, huma.Operation{
		OperationID: "list-spaces", Method: http.MethodGet, Path: "/api/v1/spaces", Tags: []string{"spaces"},
		Summary: "List what there is to sign in to",
		Description: "To who is not signed in, the spaces that the site lists. To people who are, by their cookie, those that admit them, listed or not. " +
			"To a token, its own.",
		Errors: []int{http.StatusUnauthorized},
	}, listSpaces)
	member(a, huma.Operation{
		OperationID: "list-channels", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/channels", Tags: []string{"channels"},
		Summary:     "List the channels and commands of a space",
		Description: "Those that you may read, write, call or serve, as the operator if need be. Others may be there.",
	}, listChannels)
}

func listSpaces(v *visit, in *sitesInput) (*siteOutput, error) {
	h, now := v.hub, v.hub.setup.Load()
	enters, err := h.entrance(v.r)
	if err != nil {
		return nil, err
	}
	spaces := slices.DeleteFunc(slices.Clone(now.spaces), func(s Site) bool { return s.Name <= in.After || !enters(s) })
	slices.SortFunc(spaces, func(a, b Site) int { return cmp.Compare(a.Name, b.Name) })
	out := &siteOutput{}
	out.Body.Title, out.Body.DevUsers = now.Title, now.DevUsers
	for _, r := range now.Redirects {
		out.Body.Providers = append(out.Body.Providers, Provider{r.Name(), r.Title()})
	}
	out.Body.Spaces, out.Body.Incomplete = firstOf(spaces, h.pageLimit(in.Limit))
	if out.Body.Incomplete {
		out.Body.After = out.Body.Spaces[len(out.Body.Spaces)-1].Name
	}
	return out, nil
}

// entrance tells which spaces are for who asks to know of. Whoever has a cookie that leads nowhere, or that nobody can
// vouch for now, is shown what everybody is.
func (h *Hub) entrance(r *http.Request) (enters func(Site) bool, err error) {
	if p, outside, err := h.outsidePassport(r); outside {
		return func(s Site) bool { return h.open(s, p) }, err
	}
	who, room, _, err := h.identify(r)
	switch token := r.Header.Get("Authorization") != ""; {
	case token && err != nil:
		return nil, err
	case token:
		return func(s Site) bool { return s.Name == room.name }, nil
	case err != nil:
		return func(s Site) bool { unlisted, _ := h.admission(s); return !unlisted }, nil
	}
	return func(s Site) bool {
		_, admit := h.admission(s)
		return s.Name == room.name || session.Admitted(admit, who.Roles)
	}, nil
}

// open reports whether a space is for a token of another issuer. One that was revoked there is not shown it.
func (h *Hub) open(s Site, p session.Passport) (open bool) {
	_, admit := h.admission(s)
	open = p.GoodIn(s.Name) && session.Admitted(admit, p.Person.Roles)
	if space := h.rooms[s.Name].replica(); space != nil && open {
		space.Read(func(state *channels.State) {
			t, known := session.FindToken(state, p.ID())
			open = !known || !t.Ended
		})
	}
	return open
}

// admission is whether a space is unlisted, and whom it admits: as its rules say, if they are known here.
func (h *Hub) admission(s Site) (unlisted bool, admit []string) {
	if p := h.rooms[s.Name].policy.Load(); p != nil {
		return p.Unlisted, p.Admit
	}
	return s.Unlisted, s.Admit
}

func listChannels(v *visit, in *channelsInput) (*channelsOutput, error) {
	out := &channelsOutput{}
	_, err := v.look(func(state *channels.State) (bool, error) {
		all := channelsOf(state.Rules(), v.who)
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool { return name <= in.After })
		names, out.Body.Incomplete = firstOf(names, v.hub.pageLimit(in.Limit))
		out.Body.Channels = wire.Table[wire.ChannelRules]{}
		for _, name := range names {
			out.Body.Channels[name], out.Body.After = all[name], name
		}
		if in.After == "" {
			out.Body.Commands = commandsOf(state.Rules(), v.who)
		}
		return true, nil
	})
	if !out.Body.Incomplete {
		out.Body.After = ""
	}
	return out, err
}
