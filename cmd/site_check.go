package cmd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
)

// siteRights are the words that a list of rights can always hold; the site's roles come to them.
var siteRights = map[channels.Right]bool{
	channels.RightMember: true, channels.RightOperator: true, channels.RightOwner: true,
	"user": true, "staff": true, "admin": true, "service": true,
}

// check notes the rules that cannot be.
func (p *siteProblems) check(s *site) {
	if s.Version < 1 {
		p.add([]string{"version"}, "version has to be 1 or more, and to grow with every change")
	}
	p.checkRoles(s.Roles)
	p.checkOrigins(s.CORS)
	p.checkProxies(s.Proxies)
	p.checkLimits(s.Limits)
	if len(s.Spaces) == 0 {
		p.add([]string{"spaces"}, "there are no spaces: add one under spaces")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Spaces)) {
		path := []string{"spaces", name}
		p.name(path, "space", name)
		p.checkSpace(path, s.Spaces[name])
	}
	p.checkBackends(s)
	p.checkIssuers(s)
	p.checkAuthenticators(s.Authenticators)
}

func (p *siteProblems) checkSpace(path []string, s siteSpace) {
	p.checkPolicy(path, s)
	p.checkAdmit(under(path, "admit"), s.Admit)
	if len(s.Channels) == 0 {
		p.add(path, "the space has no channels: add one under channels")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Channels)) {
		channel := under(path, "channels", name)
		p.name(channel, "channel", name)
		if name == channels.ControlLog {
			p.add(channel, "every space has the channel %q already: the journal of who was in control", name)
		}
		p.checkChannel(channel, s.Channels[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Commands)) {
		command := under(path, "commands", name)
		p.name(command, "command", name)
		p.checkCommand(command, s.Commands[name])
	}
	for _, name := range slices.Sorted(maps.Keys(s.Tasks)) {
		task := under(path, "tasks", name)
		p.name(task, "task", name)
		p.checkTask(task, name, s.Tasks[name], s)
	}
}

// checkAdmit wants roles: whoever signs in is a member, and nobody is operator or owner yet.
func (p *siteProblems) checkAdmit(path []string, roles []string) {
	for i, role := range roles {
		switch right := channels.Right(role); {
		case right == channels.RightMember || right == channels.RightOperator || right == channels.RightOwner:
			p.add(under(path, fmt.Sprint(i)), "%q is no role that somebody signs in with: name roles such as staff", role)
		case !p.roles[right]:
			p.add(under(path, fmt.Sprint(i)), "%q is not a role%s", role, suggest(role, p.roles))
		}
	}
}

// checkRoles takes the site's roles as rights.
func (p *siteProblems) checkRoles(roles []string) {
	p.roles = maps.Clone(siteRights)
	for i, role := range roles {
		path := []string{"roles", fmt.Sprint(i)}
		p.name(path, "role", role)
		if p.roles[channels.Right(role)] {
			p.add(path, "%q is a right already: name only roles that are the site's own", role)
		}
		if channels.CheckName(role) == nil {
			p.roles[channels.Right(role)] = true
		}
	}
}

func (p *siteProblems) name(path []string, what, name string) {
	var refusal *channels.Refusal
	if errors.As(channels.CheckName(name), &refusal) {
		p.add(path, "as the name of a %s: %s", what, refusal.Detail)
	}
}

func (p *siteProblems) rights(path []string, rights []channels.Right) {
	for i, r := range rights {
		if !p.roles[r] {
			p.add(under(path, fmt.Sprint(i)), "%q is not a right%s", r, suggest(string(r), p.roles))
		}
	}
}

func (p *siteProblems) refuseRight(path []string, rights []channels.Right, right channels.Right, why string) {
	if i := slices.Index(rights, right); i >= 0 {
		p.add(under(path, fmt.Sprint(i)), "%q cannot be here: %s", right, why)
	}
}

func (p *siteProblems) between(path []string, what string, d *time.Duration, low, high time.Duration) {
	if d != nil && (*d < low || *d > high) {
		p.add(path, "%s is %v to %v, not %v", what, low, high, *d)
	}
}

func under(path []string, names ...string) []string { return append(slices.Clone(path), names...) }
