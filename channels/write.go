package channels

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels/mergepatch"
)

// A Write changes keys of one store, all or none.
type Write struct {
	Channel string
	Owner   string // of a scoped store: whose values; "" = one's own
	Set     map[string]json.RawMessage
	Delete  []string
	Patch   map[string]json.RawMessage // JSON Merge Patches (RFC 7396), applied to what is there when it is decided
	If      map[string]uint64          // key → the position of its last change, 0 = it must not exist
	Unseen  *uint64                    // refuse if another client changed a key that this touches after that position
	Since   *uint64                    // refuse if another client changed anything in the store after that position
	Term    uint64                     // the term it is made under, where the channel is the operator's
	Held    map[string]uint64          // refuse unless the client holds these locks: name → token, see Lock
}

// MaxKeys is how many keys one write may touch, and MaxValue how many bytes one value may have, patched or set.
const (
	MaxKeys  = 1_000
	MaxValue = 64 << 10
)

// Decide is the Decide of a Write.
func (w Write) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	rules, owner, err := d.storeRules(w.Channel, w.Owner, who)
	if err != nil {
		return nil, err
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	if _, err := d.allow(rules.Write, who, w.Term, "write to", w.Channel); err != nil {
		return nil, err
	}
	if err := d.holds(w.Held); err != nil {
		return nil, err
	}
	return nil, w.apply(d, rules, owner)
}

// apply checks the conditions and changes the keys, which somebody has been allowed to.
func (w Write) apply(d *Draft, rules ChannelRules, owner string) error {
	if err := w.conditions(d, owner); err != nil {
		return err
	}
	for _, key := range sorted(w.Set) {
		ref := Ref{w.Channel, owner, key}
		if err := d.checkValue(ref, w.Set[key]); err != nil {
			return err
		}
		d.Set(ref, w.Set[key])
	}
	for _, key := range w.Delete {
		d.Delete(Ref{w.Channel, owner, key})
	}
	for _, key := range sorted(w.Patch) {
		if err := d.patchKey(Ref{w.Channel, owner, key}, rules.Default[key], w.Patch[key]); err != nil {
			return err
		}
	}
	return nil
}

// patchKey applies a JSON Merge Patch to what a key has, or to its default.
func (d *Draft) patchKey(ref Ref, otherwise, patch json.RawMessage) error {
	present, there := d.Get(ref)
	if !there {
		present.Data = otherwise
	}
	patched, err := mergepatch.Apply(present.Data, patch)
	if err != nil {
		return Refuse(CodeInvalid, "patching %q: %v", ref.Key, err)
	}
	if err := d.checkValue(ref, patched); err != nil {
		return err
	}
	if d.patched += len(patched); d.patched > MaxEntryBytes {
		return Refuse(CodeTooLarge, "the values that are patched have more than %d bytes together: patch fewer at once", MaxEntryBytes)
	}
	if there && len(patch) < len(patched) {
		d.patch(ref, patched, patch)
	} else {
		d.Set(ref, patched)
	}
	return nil
}

// checkValue refuses what clients may not write to a key: what is too large, or is not as the schema says. A client that
// holds what a newer schema refuses learns where it is wrong, and what is there.
func (d *Draft) checkValue(ref Ref, value json.RawMessage) error {
	if len(value) > MaxValue {
		return Refuse(CodeTooLarge, "the value of %q would have %d bytes, the limit is %d: spread it over several keys", ref.Key, len(value), MaxValue)
	}
	err := d.Rules().CheckValue(ref.Channel, ref.Key, value)
	var r *Refusal
	if errors.As(err, &r) {
		r.Current = d.current(ref.Channel, ref.Owner, []string{ref.Key})
	}
	return err
}

func (w Write) check() error {
	touched := w.touched()
	switch n := len(touched); {
	case n == 0:
		return Refuse(CodeInvalid, "the write changes nothing: give set, delete or patch")
	case n > MaxKeys:
		return Refuse(CodeTooLarge, "the write touches %d keys, the limit is %d", n, MaxKeys)
	}
	seen := make(map[string]bool, len(touched))
	for _, key := range touched {
		if err := CheckKey(key); err != nil {
			return err
		}
		if seen[key] {
			return Refuse(CodeInvalid, "the key %q is in the write twice: choose one of set, delete and patch", key)
		}
		seen[key] = true
	}
	return nil
}

func (w Write) touched() []string {
	return slices.Concat(sorted(w.Set), w.Delete, sorted(w.Patch))
}

// sorted returns the keys of a map in order; slices.Sorted grows as it goes, and this is done for every write.
func sorted[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// conditions checks `if`, `unseen` and `since` on the very state that the write applies to.
func (w Write) conditions(d *Draft, owner string) error {
	var clash []string
	for _, key := range sorted(w.If) {
		v, _ := d.Get(Ref{w.Channel, owner, key})
		if v.Position != w.If[key] {
			clash = append(clash, key)
		}
	}
	if len(clash) > 0 {
		return w.conflict(d, owner, clash, "%q is not at the position you gave: look at its present value and decide again", clash[0])
	}
	if w.Since != nil && d.touched(w.Channel, owner, d.Op().Client) > *w.Since {
		return w.conflict(d, owner, w.touched(), "%s was changed by somebody else after what you have seen: read what changed since, and decide again", w.Channel)
	}
	if w.Unseen == nil {
		return nil
	}
	for _, key := range w.touched() {
		if d.last(Ref{w.Channel, owner, key}).otherThan(d.Op().Client) > *w.Unseen {
			clash = append(clash, key)
		}
	}
	if len(clash) > 0 {
		return w.conflict(d, owner, clash, "%q was changed by somebody else after what you have seen, or perhaps deleted long ago: look at its present value and decide again", clash[0])
	}
	return nil
}

func (w Write) conflict(d *Draft, owner string, keys []string, format string, args ...any) error {
	r := Refuse(CodeConflict, format, args...)
	r.Current = d.current(w.Channel, owner, keys)
	return r
}

// maxCurrent is how many bytes of present values a refusal tells: a few of those that the writer has to look at.
const maxCurrent = 2 * MaxValue

// current returns the present values of keys as they are told to clients, null for those that have none: as many as
// maxCurrent has room for, and none to who may not read them.
func (d *Draft) current(channel, owner string, keys []string) map[string]json.RawMessage {
	if !d.mayRead(channel, owner) {
		return nil
	}
	current, size := map[string]json.RawMessage{}, 0
	for _, key := range keys {
		value := json.RawMessage("null")
		if v, ok := d.Get(Ref{channel, owner, key}); ok {
			value = mustJSON(CurrentValue{v.Data, v.Position, v.By, v.At})
		}
		if size += len(key) + len(value); size > maxCurrent {
			break
		}
		current[key] = value
	}
	return current
}

// mayRead reports whether who asks may read the values of a store. The hub itself may.
func (d *Draft) mayRead(channel, owner string) bool {
	if d.Actor() == "" {
		return true
	}
	who, err := d.Who()
	rules := d.Rules().Channels[channel]
	if err != nil || rules.MayRead(who, "read", channel) != nil {
		return false
	}
	own, err := rules.OwnerFor(who)
	return err == nil && own == owner || Permits(rules.ReadersOfAll(), who)
}

// CurrentValue is how a present value is told to clients.
type CurrentValue struct {
	Value    json.RawMessage `json:"value"`
	Position uint64          `json:"position,omitempty"` // absent in live stores
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at,omitzero"`
}

// An Append adds a message to a log channel.
type Append struct {
	Channel string
	Data    json.RawMessage
	Term    uint64 // where the channel is the operator's
}

// Decide is the Decide of an Append.
func (a Append) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	rules, ok := d.Rules().Channels[a.Channel]
	switch {
	case !ok:
		return nil, unknownChannel(a.Channel)
	case rules.Kind != KindLog:
		return nil, Refuse(CodeInvalid, "%s is a %s: append goes to log channels, write to stores", a.Channel, rules.Kind)
	case len(a.Data) == 0:
		return nil, Refuse(CodeInvalid, "the message is empty: give data")
	}
	if _, err := d.allow(rules.Write, who, a.Term, "append to", a.Channel); err != nil {
		return nil, err
	}
	if len(a.Data) > MaxValue {
		return nil, Refuse(CodeTooLarge, "the message has %d bytes, the limit is %d: send it in parts", len(a.Data), MaxValue)
	}
	if err := d.Rules().CheckValue(a.Channel, "", a.Data); err != nil {
		return nil, err
	}
	d.Append(a.Channel, a.Data)
	return nil, nil
}

// storeRules finds a store that is decided by the log, and whose values are meant: who's own, or those of an owner that
// was named, which takes a right by role.
func (d *Draft) storeRules(channel, named string, who Who) (rules ChannelRules, owner string, err error) {
	rules, ok := d.Rules().Channels[channel]
	switch {
	case !ok:
		return rules, "", unknownChannel(channel)
	case rules.Kind != KindStore:
		return rules, "", Refuse(CodeInvalid, "%s is a %s: write goes to stores, append to log channels", channel, rules.Kind)
	case rules.Live:
		return rules, "", Refuse(CodeInvalid, "%s is a live store: its services send to it, nobody writes", channel)
	case named == "":
		owner, err = rules.OwnerFor(who)
		return rules, owner, err
	case rules.Scope != ScopeUser && rules.Scope != ScopeGroup:
		return rules, "", Refuse(CodeInvalid, "the values of %s belong to nobody in particular: leave owner out", channel)
	}
	if own, err := rules.OwnerFor(who); err == nil && own == named {
		return rules, own, nil
	}
	if !writesOfOthers(rules, who) {
		return rules, "", Refuse(CodeForbidden, "you may not write what belongs to %.64q in %s: it is for %s", named, channel, rules.Write)
	}
	return rules, named, CheckKey(named)
}

// writesOfOthers reports whether somebody may write the values of others in a scoped store: by a role that not everybody has.
func writesOfOthers(rules ChannelRules, who Who) bool {
	return permitsByRole(slices.DeleteFunc(slices.Clone(rules.Write), func(r Right) bool { return r == RoleUser }), who)
}

func unknownChannel(channel string) error {
	return Refuse(CodeUnknownName, "this space has no channel %.128q: the welcome lists those it has", channel)
}

// allow refuses unless one of the rights is who's, and the channel or command in the scope of their token. A role suffices
// by itself; the operator's right needs the present term, which is then returned, and recorded with the transaction.
func (d *Draft) allow(rights []Right, who Who, term uint64, verb, name string) (under uint64, err error) {
	if err := who.MayUse(verb, name); err != nil {
		return 0, err
	}
	if Permits(rights, who) {
		return 0, nil
	}
	if !slices.Contains(rights, RightOperator) {
		return 0, Refuse(CodeForbidden, "you may not %s %s: it is for %s", verb, name, rights)
	}
	if err := d.authority.Fence(d, who, term); err != nil {
		return 0, err
	}
	d.SetTerm(term)
	return term, nil
}

// Permits reports whether one of the rights is who's already by being signed in: a role, or member. What the operator
// may is not told by that, see Authority.Fence, nor is the scope of a token looked at, see Who.MayUse.
func Permits(rights []Right, who Who) bool {
	return permitsByRole(rights, who) || slices.Contains(rights, RightMember) || slices.Contains(rights, RightOwner)
}

// permitsByRole reports whether one of the rights is a role of who's.
func permitsByRole(rights []Right, who Who) bool {
	return slices.ContainsFunc(rights, func(r Right) bool {
		return r != RightMember && r != RightOwner && r != RightOperator && who.Has(string(r))
	})
}
