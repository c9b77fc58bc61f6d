package cmd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
)

// siteRights are the words that a list of rights can hold.
var siteRights = map[channels.Right]bool{
	channels.RightMember: true, channels.RightOperator: true, channels.RightOwner: true,
	"user": true, "staff": true, "admin": true, "service": true,
}

// check notes the rules that cannot be.
func (p *siteProblems) check(s *site) {
	if s.Version < 1 {
		p.add([]string{"version"}, "version has to be 1 or more, and to grow with every change")
	}
	if len(s.Spaces) == 0 {
		p.add([]string{"spaces"}, "there are no spaces: add one under spaces")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Spaces)) {
		path := []string{"spaces", name}
		p.name(path, "space", name)
		p.checkSpace(path, s.Spaces[name])
	}
	if len(s.Authenticators) == 0 {
		p.add([]string{"authenticators"}, "nobody can sign in: add an authenticator, such as {kind: file, path: users.yaml}")
	}
	for i, a := range s.Authenticators {
		p.checkAuthenticator([]string{"authenticators", fmt.Sprint(i)}, a)
	}
}

func (p *siteProblems) checkSpace(path []string, s siteSpace) {
	if !slices.Contains([]string{"", "observe", "reject"}, s.Login.OtherUser) {
		p.add(under(path, "login", "other_user"), "other_user is observe or reject, not %q", s.Login.OtherUser)
	}
	p.between(under(path, "control", "grace"), "grace", s.Control.Grace, time.Second, time.Hour)
	p.between(under(path, "control", "linger"), "linger", s.Control.Linger, 0, time.Minute)
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
}

func (p *siteProblems) checkChannel(path []string, c siteChannel) {
	switch c.Kind {
	case channels.KindStore, channels.KindLog:
	case channels.KindSignal:
		p.add(under(path, "kind"), "signals are not there yet: a live store shows the last value of each key")
	default:
		p.add(under(path, "kind"), "kind is store or log, not %q", c.Kind)
	}
	isStore := c.Kind == channels.KindStore
	if !slices.Contains([]channels.Scope{"", channels.ScopeSpace, channels.ScopeUser}, c.Scope) {
		p.add(under(path, "scope"), "scope is space or user, not %q", c.Scope)
	}
	if !isStore && c.Scope != "" {
		p.add(under(path, "scope"), "only a store has a scope")
	}
	if !isStore && c.Live {
		p.add(under(path, "live"), "only a store can be live")
	}
	if isStore && c.Live && c.Scope == channels.ScopeUser {
		p.add(under(path, "scope"), "a live store is the same for everybody: leave scope out, or live")
	}
	if c.Keep < 0 || c.Keep != 0 && c.Kind != channels.KindLog {
		p.add(under(path, "keep"), "keep is how many messages a log keeps, 1 or more")
	}
	p.checkWrite(under(path, "write"), c)
	p.rights(under(path, "read"), c.Read)
	p.refuseRight(under(path, "read"), c.Read, channels.RightOperator, "who may join cannot depend on who is in control")
	p.refuseRight(under(path, "read"), c.Read, channels.RightOwner, "everybody reads their own values of a user-scoped store: leave read out")
}

func (p *siteProblems) checkWrite(path []string, c siteChannel) {
	if len(c.Write) == 0 {
		p.add(path, "nobody may write this: add write, such as [operator, service]")
	}
	p.rights(path, c.Write)
	if c.Live {
		p.refuseRight(path, c.Write, channels.RightOperator,
			"a live store is not decided on, so it cannot be fenced by who is in control: use write: [service] and a command that the operator calls")
	}
	if c.Kind != channels.KindStore || c.Scope != channels.ScopeUser {
		p.refuseRight(path, c.Write, channels.RightOwner, "only a store with scope: user has owners")
	}
}

func (p *siteProblems) checkCommand(path []string, c siteCommand) {
	if len(c.Call) == 0 {
		p.add(under(path, "call"), "nobody may call this: add call, such as [operator]")
	}
	p.rights(under(path, "call"), c.Call)
	p.rights(under(path, "serve"), c.Serve)
	if c.Stop {
		p.refuseRight(under(path, "call"), c.Call, channels.RightOperator,
			"a command with stop: true is never held up by who is in control: use call: [member]")
	}
	p.refuseRight(under(path, "call"), c.Call, channels.RightOwner, "commands have no owners")
	for _, right := range []channels.Right{channels.RightOwner, channels.RightOperator} {
		p.refuseRight(under(path, "serve"), c.Serve, right, "a command is served by a program: use a role, such as service")
	}
}

func (p *siteProblems) checkAuthenticator(path []string, a siteAuthenticator) {
	switch {
	case a.Kind == "file" && a.Path == "":
		p.add(path, "the file authenticator needs a path, such as users.yaml")
	case a.Kind == "dev" && a.Path != "":
		p.add(under(path, "path"), "the dev authenticator has no path")
	case a.Kind != "file" && a.Kind != "dev":
		p.add(under(path, "kind"), "kind is file, or dev with --dev, not %q", a.Kind)
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
		if !siteRights[r] {
			p.add(under(path, fmt.Sprint(i)), "%q is not a right%s", r, suggest(string(r), siteRights))
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
