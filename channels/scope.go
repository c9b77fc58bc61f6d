package channels

import (
	"fmt"
	"slices"
	"strings"
)

// ReadAnything, as a part of a scope, is to read every channel. readPrefix goes before a name or pattern that may be read,
// and no more.
const (
	ReadAnything = "read"
	readPrefix   = "read:"
)

// MaxScope is how many parts the scope of a token has at most.
const MaxScope = 64

// CheckScope refuses what cannot be the scope of a token: a list, of which each part adds to what it may do. A part is the
// name of a channel or command, or the beginning of names and a *: queue.*, *. With read: before it, it is for reading
// only; read alone is to read everything. The journal and the moves of control go by the name control.
func CheckScope(scope []string) error {
	if len(scope) > MaxScope {
		return Refuse(CodeTooLarge, "a scope has %d parts at most: use patterns such as queue.*", MaxScope)
	}
	for _, part := range scope {
		name := strings.TrimPrefix(part, readPrefix)
		if stem, pattern := strings.CutSuffix(name, "*"); pattern {
			name = strings.TrimRight(stem, "._-") // what may not be the end of a name
			if name == "" && stem == "" {
				continue
			}
		}
		if CheckName(name) != nil {
			return Refuse(CodeInvalid, "%.64q cannot be part of a scope: use the name of a channel or command, a pattern such as queue.*, either with read: before it, or read", part)
		}
	}
	return nil
}

// Uses reports whether the scope lets somebody do with the channel or command what the rules let them.
func (w Who) Uses(name string) bool {
	return len(w.Scope) == 0 || slices.ContainsFunc(w.Scope, func(part string) bool { return part != ReadAnything && covers(part, name) })
}

// Reads reports whether the scope lets somebody read the channel, if the rules do.
func (w Who) Reads(name string) bool {
	return w.Uses(name) || slices.ContainsFunc(w.Scope, func(part string) bool {
		pattern, reading := strings.CutPrefix(part, readPrefix)
		return part == ReadAnything || reading && covers(pattern, name)
	})
}

// covers reports whether a name is the one, or begins as the pattern says.
func covers(part, name string) bool {
	stem, pattern := strings.CutSuffix(part, "*")
	return part == name || pattern && strings.HasPrefix(name, stem)
}

// outOfScope is what somebody is told whose roles may suffice, but not the scope of their token.
func (w Who) outOfScope(what string) error {
	return Refuse(CodeForbidden, "you may not %s: the scope of this token is %s; ask for one with a wider scope", what, strings.Join(w.Scope, ", "))
}

// MayUse refuses what the scope of a token does not cover. verb and name are what is to be done, as in "call", "queue.start".
func (w Who) MayUse(verb, name string) error {
	if w.Uses(name) {
		return nil
	}
	return w.outOfScope(fmt.Sprintf("%s %.128s", verb, name))
}

// MayRead refuses a channel that somebody may not read: by the scope of their token, or by the channel's rules. verb is
// what is to be done with it.
func (c ChannelRules) MayRead(who Who, verb, channel string) error {
	switch {
	case !who.Reads(channel):
		return who.outOfScope(verb + " " + channel)
	case !Permits(c.Readers(), who):
		return Refuse(CodeForbidden, "you may not %s %s: it is for %s", verb, channel, c.Readers())
	}
	return nil
}

// Of reports whether the channel is any of who's business: they may read it, or write it, perhaps as the operator.
func (c ChannelRules) Of(who Who, channel string) bool {
	return c.MayRead(who, "read", channel) == nil || who.Uses(channel) && permitsOrOperates(c.Write, who)
}

// Of reports whether the command is any of who's business: they may call it, perhaps as the operator, or serve it.
func (c CommandRules) Of(who Who, command string) bool {
	return who.Uses(command) && (permitsOrOperates(c.Call, who) || permitsOrOperates(c.Servers(), who))
}

func permitsOrOperates(rights []Right, who Who) bool {
	return Permits(rights, who) || slices.Contains(rights, RightOperator)
}
