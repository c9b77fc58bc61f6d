package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
)

// maxKeepFor is the longest that a log may keep messages: they are in memory on every node.
const maxKeepFor = 10 * 365 * 24 * time.Hour

func (p *siteProblems) checkChannel(path []string, c siteChannel) {
	if !slices.Contains([]channels.Kind{channels.KindStore, channels.KindLog, channels.KindSignal}, c.Kind) {
		p.add(under(path, "kind"), "kind is store, log or signal, not %q", c.Kind)
	}
	p.checkStore(path, c)
	if c.Keep < 0 || c.Keep != 0 && c.Kind != channels.KindLog {
		p.add(under(path, "keep"), "keep is how many messages a log keeps, 1 or more")
	}
	if c.KeepFor != nil && c.Kind != channels.KindLog {
		p.add(under(path, "keep_for"), "keep_for is how long a log keeps messages: only a log has it")
	}
	p.between(under(path, "keep_for"), "keep_for", c.KeepFor, time.Second, maxKeepFor)
	p.checkWrite(under(path, "write"), c)
	p.rights(under(path, "read"), c.Read)
	p.refuseRight(under(path, "read"), c.Read, channels.RightOperator, "who may join cannot depend on who is in control")
	p.refuseRight(under(path, "read"), c.Read, channels.RightOwner, "everybody reads their own values of a scoped store: leave read out")
	p.rights(under(path, "read_all"), c.ReadAll)
	for _, right := range []channels.Right{channels.RightOperator, channels.RightOwner} {
		p.refuseRight(under(path, "read_all"), c.ReadAll, right, "who may read everybody's values is a role, such as staff")
	}
	if p.schema(under(path, "schema"), c.Schema) {
		p.checkDefaults(under(path, "default"), c)
	}
}

// checkStore notes what only some stores can have.
func (p *siteProblems) checkStore(path []string, c siteChannel) {
	isStore := c.Kind == channels.KindStore
	scoped := c.Scope == channels.ScopeUser || c.Scope == channels.ScopeGroup
	switch {
	case !isStore && c.Scope != "":
		p.add(under(path, "scope"), "only a store has a scope")
	case !scoped && c.Scope != "" && c.Scope != channels.ScopeSpace:
		p.add(under(path, "scope"), "scope is space, group or user, not %q", c.Scope)
	case c.Live && scoped:
		p.add(under(path, "scope"), "a live store is the same for everybody: leave scope out, or live")
	}
	if !isStore && c.Live {
		p.add(under(path, "live"), "only a store can be live")
	}
	if !isStore && len(c.Default) > 0 {
		p.add(under(path, "default"), "only a store has default values")
	}
	if len(c.ReadAll) > 0 && !scoped {
		p.add(under(path, "read_all"), "read_all is for a store with scope: user or group; here everybody who may read reads all")
	}
	switch {
	case c.Backend == "":
	case !isStore:
		p.add(under(path, "backend"), "only a store is kept by a backend")
	case c.Live:
		p.add(under(path, "backend"), "a live store is in memory only, and changes too often: leave backend out, or live")
	case scoped:
		p.add(under(path, "backend"), "a backend keeps a store that is the same for everybody: leave scope out, or backend")
	}
}

func (p *siteProblems) checkWrite(path []string, c siteChannel) {
	if len(c.Write) == 0 {
		p.add(path, "nobody may write this: add write, such as [operator, service]")
	}
	p.rights(path, c.Write)
	switch {
	case c.Live:
		p.refuseRight(path, c.Write, channels.RightOperator,
			"a live store is not decided on, so it cannot be fenced by who is in control: use write: [service] and a command that the operator calls")
	case c.Kind == channels.KindSignal:
		p.refuseRight(path, c.Write, channels.RightOperator,
			"a signal is not decided on, so it cannot be fenced by who is in control: use write: [member], or a store")
	}
	if c.Kind != channels.KindStore || c.Scope != channels.ScopeUser && c.Scope != channels.ScopeGroup {
		p.refuseRight(path, c.Write, channels.RightOwner, "only a store with scope: user or group has owners")
	}
}

// checkDefaults notes default values that could not be written.
func (p *siteProblems) checkDefaults(path []string, c siteChannel) {
	for _, key := range slices.Sorted(maps.Keys(c.Default)) {
		value, at := c.Default[key], under(path, key)
		var refusal *channels.Refusal
		switch {
		case errors.As(channels.CheckKey(key), &refusal):
			p.add(at, "%s", refusal.Detail)
		case value.err != nil:
			p.add(at, "the default of %q: %v", key, value.err)
		case len(value.value) > channels.MaxValue:
			p.add(at, "the default of %q has %d bytes, the limit is %d", key, len(value.value), channels.MaxValue)
		default:
			p.fits(at, fmt.Sprintf("the default of %q", key), c.Schema.raw(), value.value)
		}
	}
}

// fits notes a value that its schema refuses.
func (p *siteProblems) fits(path []string, what string, schema, value json.RawMessage) {
	rules := channels.Rules{Channels: map[string]channels.ChannelRules{what: {Schema: schema}}}
	var refusal *channels.Refusal
	if errors.As(rules.CheckValue(what, "", value), &refusal) {
		p.add(path, "%s", refusal.Detail)
	}
}

// schema notes a schema that cannot be used, and reads it if it is in a file of its own. It reports whether all is well.
func (p *siteProblems) schema(path []string, schema *siteJSON) (ok bool) {
	if schema == nil {
		return true
	}
	err := schema.err
	if file, is := schema.text(); is && err == nil {
		schema.value, err = readSchema(p.dir, file)
	}
	if err == nil {
		err = channels.CheckSchema(schema.value)
	}
	schema.err = err
	if err != nil {
		p.add(path, "%s", strings.Join(strings.Fields(err.Error()), " ")) // it may have several lines
	}
	return err == nil
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
	p.schema(under(path, "args"), c.Args)
	p.schema(under(path, "progress"), c.Progress)
	p.schema(under(path, "result"), c.Result)
	p.between(under(path, "deadline"), "deadline", c.Deadline, time.Second, 30*24*time.Hour)
	if c.Stop && (c.Deadline != nil || c.Progress != nil || c.Result != nil) {
		p.add(path, "a command with stop: true does not wait for its service: leave deadline, progress and result out")
	}
}
