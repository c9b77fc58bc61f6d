package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// siteLogin says how signing in and out goes. What is not given is as the preset says, or else as session.Policy does.
type siteLogin struct {
	Preset    string            `yaml:"preset"`
	OtherUser session.OtherUser `yaml:"other_user"`
	SameUser  session.SameUser  `yaml:"same_user"`
	Logout    session.When      `yaml:"logout"`
	Idle      *time.Duration    `yaml:"idle"`
	IdleInput *time.Duration    `yaml:"idle_input"`
	Absolute  *time.Duration    `yaml:"absolute"`
}

// siteControl says how control goes.
type siteControl struct {
	Grace  *time.Duration `yaml:"grace"`
	Linger *time.Duration `yaml:"linger"`
	Take   session.When   `yaml:"take"`
	OnLost *siteOnLost    `yaml:"on_lost"`
}

// siteOnLost is keep, or the command to call.
type siteOnLost struct {
	Call string `yaml:"call"`
	At   string `yaml:"at"`

	word string // instead of a mapping
}

// UnmarshalYAML takes the word keep, or a mapping.
func (o *siteOnLost) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		o.word = node.Value
		return nil
	}
	type plain siteOnLost
	return node.Decode((*plain)(o))
}

// siteBusy says when the instrument runs.
type siteBusy struct {
	Store string     `yaml:"store"`
	Key   string     `yaml:"key"`
	Path  string     `yaml:"path"`
	Is    []siteJSON `yaml:"is"`
}

// presets are policies with a name. What the file says beside it wins.
var presets = map[string]session.Policy{
	// The six cases of the study of data persistence in MXCuBE 3: one person at a time; who comes from another computer is
	// asked to close the first; a page that is closed while the queue runs stops it; no signing out while it runs.
	"mxcube-2016": {
		OtherUser: session.Reject, SameUser: session.Ask, Logout: session.RefusedWhileRunning, Take: session.RefusedWhileRunning,
		OnLost: session.OnLost{Call: "queue.stop", At: session.AtLost}, Linger: -1,
	},
}

// policy is what the file says of signing in and of control, for the rules.
func (s siteSpace) policy() session.Policy {
	p, login, control := presets[s.Login.Preset], s.Login, s.Control
	override(&p.OtherUser, login.OtherUser)
	override(&p.SameUser, login.SameUser)
	override(&p.Logout, login.Logout)
	override(&p.Take, control.Take)
	override(&p.Idle, orDefault(login.Idle, 0))
	override(&p.IdleInput, orDefault(login.IdleInput, 0))
	override(&p.Absolute, orDefault(login.Absolute, 0))
	override(&p.Grace, orDefault(control.Grace, 0))
	if control.Linger != nil {
		p.Linger = *control.Linger
		if p.Linger == 0 {
			p.Linger = -1 // none, where 0 would be the default
		}
	}
	if control.OnLost != nil {
		p.OnLost = session.OnLost{Call: control.OnLost.Call, At: control.OnLost.At}
	}
	p.Unlisted, p.Admit = s.unlisted(), s.Admit
	if s.Busy != nil {
		p.Busy = &session.Busy{Store: s.Busy.Store, Key: s.Busy.Key, Path: s.Busy.Path}
		for _, value := range s.Busy.Is {
			p.Busy.Is = append(p.Busy.Is, value.value)
		}
	}
	return p
}

// override puts in force what is given.
func override[T comparable](field *T, given T) {
	var zero T
	if given != zero {
		*field = given
	}
}

// checkPolicy notes what cannot be about signing in and control.
func (p *siteProblems) checkPolicy(path []string, s siteSpace) {
	login, control := under(path, "login"), under(path, "control")
	if _, known := presets[s.Login.Preset]; s.Login.Preset != "" && !known {
		p.add(under(login, "preset"), "there is no preset %q: use %s, or leave it out", s.Login.Preset, slices.Sorted(maps.Keys(presets))[0])
	}
	oneOf(p, under(login, "other_user"), "other_user", s.Login.OtherUser, session.Observe, session.Reject)
	oneOf(p, under(login, "same_user"), "same_user", s.Login.SameUser, session.Ask, session.Join, session.Replace, session.RefuseOwn)
	oneOf(p, under(login, "logout"), "logout", s.Login.Logout, session.Now, session.RefusedWhileRunning)
	oneOf(p, under(control, "take"), "take", s.Control.Take, session.Now, session.RefusedWhileRunning)
	p.between(under(login, "idle"), "idle", s.Login.Idle, time.Minute, 30*24*time.Hour)
	p.between(under(login, "idle_input"), "idle_input", s.Login.IdleInput, 2*time.Minute, 30*24*time.Hour)
	p.between(under(login, "absolute"), "absolute", s.Login.Absolute, 5*time.Minute, 90*24*time.Hour)
	p.between(under(control, "grace"), "grace", s.Control.Grace, time.Second, time.Hour)
	p.between(under(control, "linger"), "linger", s.Control.Linger, 0, time.Minute)
	p.checkOnLost(under(control, "on_lost"), s)
	p.checkBusy(path, s)
}

// checkOnLost notes what cannot be called.
func (p *siteProblems) checkOnLost(path []string, s siteSpace) {
	if o := s.Control.OnLost; o != nil {
		if o.word != "" && o.word != "keep" {
			p.add(path, "on_lost is keep, or {call: a command, at: expired or lost}, not %q", o.word)
		}
		if o.word == "" && o.Call == "" {
			p.add(path, "on_lost needs the command to call, such as {call: queue.stop}, or is keep")
		}
		oneOf(p, under(path, "at"), "at", o.At, session.AtExpired, session.AtLost)
	}
	name := s.policy().OnLost.Call
	if name == "" {
		return
	}
	command, ok := s.Commands[name]
	if !ok {
		p.add(path, "on_lost calls %q, and there is no such command under commands%s", name, suggest(name, s.Commands))
		return
	}
	if !slices.Contains(command.Call, channels.RightMember) && !slices.Contains(command.Call, channels.RoleService) {
		p.add(path, "on_lost calls %q with the right of a service: add service to its call, or member", name)
	}
}

// checkBusy notes a rule that would never hold.
func (p *siteProblems) checkBusy(path []string, s siteSpace) {
	b := s.Busy
	if b == nil {
		if s.Login.Preset != "" || s.Login.Logout == session.RefusedWhileRunning || s.Control.Take == session.RefusedWhileRunning {
			p.add(path, "what is refused while the instrument runs needs to know when it does: add busy, such as {store: run, key: queue, path: /state, is: [running]}")
		}
		return
	}
	at := under(path, "busy")
	channel, ok := s.Channels[b.Store]
	switch {
	case !ok:
		p.add(under(at, "store"), "there is no store %q under channels%s", b.Store, suggest(b.Store, s.Channels))
	case channel.Kind != channels.KindStore || channel.Live || channel.Scope != "" && channel.Scope != channels.ScopeSpace:
		p.add(under(at, "store"), "%q has to be a store that is the same for everybody and not live: nothing is decided on others", b.Store)
	}
	if err := channels.CheckKey(b.Key); err != nil {
		p.add(under(at, "key"), "busy needs the key of the value that says whether the instrument runs: %v", err)
	}
	if err := session.CheckPointer(b.Path); err != nil {
		p.add(under(at, "path"), "%v", err)
	}
	if len(b.Is) == 0 {
		p.add(at, "busy needs the values that mean that the instrument runs, such as is: [running, stopping]")
	}
	for i, value := range b.Is {
		if value.err != nil || !json.Valid(value.value) {
			p.add(under(at, "is", fmt.Sprint(i)), "this value cannot be compared: %v", value.err)
		}
	}
}

// oneOf notes a word that is none of those known.
func oneOf[T ~string](p *siteProblems, path []string, what string, word T, words ...T) {
	if word == "" || slices.Contains(words, word) {
		return
	}
	known := map[T]bool{}
	for _, w := range words {
		known[w] = true
	}
	p.add(path, "%s is not %q%s", what, word, suggest(string(word), known))
}
