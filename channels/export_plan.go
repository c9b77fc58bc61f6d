package channels

import (
	"cmp"
	"maps"
	"slices"
)

// An exportPart is one store, or one log channel, in an export.
type exportPart struct {
	id    storeID // of a log: without an owner
	log   bool
	by    string // of a log: only what this user wrote; "" = all
	after uint64 // what was changed up to here is written

	// Of a store.
	written []string // the names of what was written, to find what the store has forgotten that it deleted
	changed []string // since after, as look found
	removed []string // and what is gone since
}

// plan returns the parts of the export as of a state, if they may be exported. Of channels that were not named, what may not
// be read is left out, and withheld says so.
func (x *Exporting) plan(state *State) (parts []*exportPart, withheld []string, err error) {
	who, all, whole := Who{}, true, true
	if x.actor != "" {
		if who, err = x.space.options.Authority.Identify(state, x.actor); err != nil {
			return nil, nil, err
		}
		all, whole = who.Has(RoleAdmin), portsWhole(who)
	}
	asked, named := x.asked.Channels, len(x.asked.Channels) > 0
	if !named {
		if !whole && !x.asked.Mine {
			return nil, nil, Refuse(CodeForbidden, "a whole space is exported by staff, admins and services: name the channels that you want, or export what is your own with owner=me")
		}
		asked = append(slices.Sorted(maps.Keys(state.rules.Channels)), ControlLog)
	}
	for _, channel := range asked {
		rules, err := exportRules(state, channel, named)
		if err != nil {
			return nil, nil, err
		}
		if rules.Kind == KindSignal || rules.Live {
			continue
		}
		found, err := x.partsOf(state, channel, rules, who, all)
		switch {
		case IsCode(err, CodeForbidden) && !named:
			withheld = append(withheld, channel)
		case err != nil:
			return nil, nil, err
		}
		parts = append(parts, found...)
	}
	return parts, withheld, nil
}

// portsWhole reports whether somebody may ask for a space without naming channels. They get what they may read.
func portsWhole(who Who) bool {
	return who.Has(RoleStaff) || who.Has(RoleAdmin) || who.Has(RoleService)
}

// exportRules returns the rules of a channel; one that was named must be one that can be exported.
func exportRules(state *State, channel string, named bool) (ChannelRules, error) {
	rules, ok := state.rules.Channels[channel]
	if channel == ControlLog {
		rules, ok = ChannelRules{Kind: KindLog}, true
	}
	switch {
	case !ok:
		return rules, unknownChannel(channel)
	case named && (rules.Kind == KindSignal || rules.Live):
		return rules, Refuse(CodeInvalid, "%s cannot be exported: its values are in memory only, until its services send the next", channel)
	}
	return rules, nil
}

// partsOf returns the parts of one channel, as far as who may read it: with all everything.
func (x *Exporting) partsOf(state *State, channel string, rules ChannelRules, who Who, all bool) ([]*exportPart, error) {
	scoped := rules.Scope == ScopeUser || rules.Scope == ScopeGroup
	named := len(x.asked.Channels) > 0
	owner, own := x.asked.Owner, false
	if mine, err := rules.OwnerFor(who); scoped && (x.asked.Mine || owner != "" && owner == mine) {
		if err != nil && named {
			return nil, err
		}
		if err != nil {
			return nil, nil // of a proposal, and they have none
		}
		owner, own = mine, true
	}
	byThem := x.asked.Mine || owner != ""
	mayNot := rules.MayRead(who, "export", channel)
	switch {
	case byThem && !scoped && rules.Kind == KindStore && named:
		return nil, Refuse(CodeInvalid, "the values of %s belong to nobody in particular: export it without owner", channel)
	case byThem && !scoped && rules.Kind == KindStore:
		return nil, nil
	case all && who.Reads(channel):
	case mayNot != nil:
		return nil, mayNot
	case scoped && !own && !Permits(rules.ReadersOfAll(), who):
		return nil, Refuse(CodeForbidden, "everybody's values of %s are for %s: export your own with owner=me", channel, rules.ReadersOfAll())
	}
	if rules.Kind == KindLog {
		if x.asked.Mine {
			owner = who.User
		}
		return []*exportPart{x.part(exportPart{id: storeID{channel: channel}, log: true, by: owner})}, nil
	}
	var parts []*exportPart
	for id := range state.stores {
		if id.channel == channel && (!byThem || id.owner == owner) {
			parts = append(parts, x.part(exportPart{id: id}))
		}
	}
	slices.SortFunc(parts, func(a, b *exportPart) int { return cmp.Compare(a.id.owner, b.id.owner) })
	return parts, nil
}

// part returns the part as it is by now.
func (x *Exporting) part(p exportPart) *exportPart {
	if x.parts[p.id] == nil {
		x.parts[p.id] = &p
	}
	return x.parts[p.id]
}

// count returns how many values and messages a part has.
func (p *exportPart) count(state *State) (values, messages int) {
	if st := state.stores[p.id]; st != nil && !p.log {
		values = len(st.values)
	}
	for _, m := range p.tail(state) {
		if p.wants(m) {
			messages++
		}
	}
	return values, messages
}

func (p *exportPart) wants(m Message) bool { return p.by == "" || m.By == p.by }

// look finds what was changed after what is written, and returns how much that is.
func (p *exportPart) look(state *State) int {
	p.changed, p.removed = nil, nil
	if p.log {
		return len(p.tail(state))
	}
	st := state.stores[p.id]
	if st == nil || st.touched.position <= p.after && p.after > 0 {
		return 0
	}
	if p.after == 0 {
		p.changed = make([]string, 0, len(st.values))
	}
	for key, v := range st.values {
		if v.Position > p.after {
			p.changed = append(p.changed, key)
		}
	}
	switch {
	case p.after == 0: // nothing was written
	case p.after < st.floor: // it does not know any more what was deleted
		for _, key := range p.written {
			if _, ok := st.values[key]; !ok {
				p.removed = append(p.removed, key)
			}
		}
	default:
		for key, v := range st.graves {
			if v.Position > p.after {
				p.removed = append(p.removed, key)
			}
		}
	}
	return len(p.changed) + len(p.removed)
}

// values returns the lines of these keys, without what was changed after a position.
func (p *exportPart) values(state *State, keys []string, upTo uint64) (items []ExportItem) {
	st := state.stores[p.id]
	for _, key := range keys {
		if v, ok := st.lookUp(key); ok && v.Position <= upTo {
			items = append(items, ExportItem{
				Channel: p.id.channel, Owner: p.id.owner, Key: key, Value: v.Data, Position: v.Position, By: v.By, At: v.At,
			})
		}
	}
	return items
}

// gone returns the lines of what was deleted.
func (p *exportPart) gone() (items []ExportItem) {
	slices.Sort(p.removed)
	for _, key := range p.removed {
		items = append(items, ExportItem{Channel: p.id.channel, Owner: p.id.owner, Key: key, Deleted: true})
	}
	return items
}

// walked notes that everything up to a position is written.
func (p *exportPart) walked(upTo uint64) {
	if p.written == nil {
		p.written = p.changed
	} else {
		p.written = append(p.written, p.changed...)
	}
	p.after, p.changed, p.removed = max(p.after, upTo), nil, nil
}

// tail is what a log channel has after what is written. It is valid as long as the state is being read.
func (p *exportPart) tail(state *State) []Message {
	h := state.logs[p.id.channel]
	if !p.log || h == nil {
		return nil
	}
	i, _ := slices.BinarySearchFunc(h.messages, p.after+1, byPosition)
	return h.messages[i:]
}

// messages returns the next lines of a log channel: about limit, and all of one position; more says that there are more
// now.
func (p *exportPart) messages(state *State, limit int) (items []ExportItem, more bool) {
	tail := p.tail(state)
	n := wholePosition(tail, limit, func(m Message) uint64 { return m.Position })
	for _, m := range tail[:n] {
		if p.wants(m) {
			items = append(items, ExportItem{Channel: p.id.channel, Data: m.Data, Position: m.Position, By: m.By, At: m.At})
		}
		p.after = m.Position
	}
	return items, n < len(tail)
}
