package channels

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// The bounds on imports.
const (
	MaxImports    = 32                 // of one user, that a space remembers
	ImportKept    = 24 * time.Hour     // how long one that is done is remembered
	ImportKeptFor = 7 * 24 * time.Hour // and how long one that is not

	importItems = 500       // lines of one transaction
	importBytes = 256 << 10 // and bytes
)

// The states of an import.
const (
	ImportOpen = "open" // the end of it has not come yet
	ImportDone = "done"
)

// An ImportRecord is what an import has come to, in ImportsStore under its id. It is written in the very transactions that
// do what it says, so an import is gone on with exactly where it was.
type ImportRecord struct {
	ID     string       `json:"id"`
	By     string       `json:"by"` // the user; only they may go on with it, and admins
	State  string       `json:"state"`
	Line   int          `json:"line"`            // lines up to here are done
	Total  int          `json:"total,omitempty"` // nearly how many lines there are, if the file says so
	Sum    string       `json:"sum"`             // of the lines that are done: what goes on must be the same file
	Counts ImportCounts `json:"counts"`
}

// ImportCounts say what lines there were and what came of them.
type ImportCounts struct {
	ExportCounts
	Set       int `json:"set"`       // keys that have another value now
	Unchanged int `json:"unchanged"` // keys that had that value already, or none to delete
	Kept      int `json:"kept"`      // keys whose value was left as it is, as Keep says
	Removed   int `json:"removed"`   // keys that are gone now
	Appended  int `json:"appended"`  // messages
	Skipped   int `json:"skipped"`   // messages of the journal, which the hub alone writes
}

// An ImportItem is a line of an export with its number, from 1.
type ImportItem struct {
	Line int
	ExportItem
}

// An Import is one step of an import: some lines, all or none, and the record of it. What is imported is written now, by
// whoever imports it, and so are its messages: authors, times and positions in the file are for those who read it. (A
// backup is what keeps them.) A store's schema holds, and the limits.
//
// Everybody imports what they may write and append, and no more: their own values in scoped stores, and those of others
// where a role of theirs lets them write those. Admins import anything.
//
// What is for the operator alone is another matter, because an import is not a write of the operator's: nobody chose these
// values in view of what the instrument does now. It goes there under the term of the operator who imports it, or, if
// an admin does, as long as nobody is in control, and is refused while somebody else is. That is decided with each step, so a step of
// an import never lands under the hands of somebody who has just taken control.
type Import struct {
	ID    string
	From  int // lines done before; another step that did them refuses this one
	Line  int // lines done after it
	Sum   string
	Total int // lines, nearly, as the head says
	Items []ImportItem
	End   *ExportCounts // what the last line says, if it is among these
	Keep  bool          // leave the keys alone that have a value
	Term  uint64        // of the operator who imports

	tried *triedKeys // of a dry run only
}

// Decide is the Decide of an Import. The answer is the ImportRecord after it.
func (i Import) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	record, err := i.begin(d, who)
	if err != nil {
		return nil, err
	}
	for _, item := range i.Items {
		if err := i.apply(d, who, item, &record.Counts); err != nil {
			return nil, atLine(err, item)
		}
	}
	record.Line, record.Sum = i.Line, i.Sum
	if i.End != nil {
		if err := i.End.check(record.Counts.ExportCounts); err != nil {
			return nil, atLine(err, ImportItem{Line: i.Line})
		}
		record.State = ImportDone
	}
	d.Set(importRef(i.ID), record)
	return record, nil
}

func importRef(id string) Ref { return Ref{Channel: ImportsStore, Key: id} }

// begin returns the record of the import, which must be where this step begins.
func (i Import) begin(d *Draft, who Who) (ImportRecord, error) {
	record, found, err := FindImport(d, i.ID, who)
	switch {
	case err != nil:
		return record, err
	case found && (record.Line != i.From || record.State == ImportDone):
		r := Refuse(CodeConflict, "the import %s is %s and at line %d: go on from there", i.ID, record.State, record.Line)
		r.More = map[string]any{"line": record.Line}
		return record, r
	case found:
		return record, nil
	case i.From > 0:
		return record, Refuse(CodeUnknownName, "there is no import %s any more: begin it from its first line", i.ID)
	}
	return ImportRecord{ID: i.ID, By: who.User, State: ImportOpen, Total: i.Total}, d.forgetImports(who.User)
}

// FindImport returns the record of an import, which only those may see whose it is, and admins.
func FindImport(v View, id string, who Who) (record ImportRecord, found bool, err error) {
	value, found := v.Get(importRef(id))
	if found {
		err = json.Unmarshal(value.Data, &record)
	}
	if err == nil && found && record.By != who.User && !who.Has(RoleAdmin) {
		return ImportRecord{}, false, Refuse(CodeForbidden, "the import %s is somebody else's: choose another id", id)
	}
	return record, found, err
}

// An AbandonImport forgets an import, also one that has not come to its end: nobody goes on with it. What it has imported
// stays.
type AbandonImport struct{ ID string }

// Decide is the Decide of an AbandonImport.
func (a AbandonImport) Decide(d *Draft) (any, error) {
	who, err := d.Who()
	if err != nil {
		return nil, err
	}
	if _, found, err := FindImport(d, a.ID, who); err != nil || !found {
		return nil, cmp.Or(err, error(Refuse(CodeUnknownName, "there is no import %.64q, or it is forgotten", a.ID)))
	}
	d.Delete(importRef(a.ID))
	return nil, nil
}

// forgetImports drops the records of what was imported long ago, by the log's clock, and so many of the user's that one more
// fits: the oldest of those that are done.
func (d *Draft) forgetImports(user string) error {
	type kept struct {
		id   string
		at   uint64
		done bool
	}
	var theirs []kept
	var old []string
	d.Range(ImportsStore, "", func(id string, v Value) bool {
		var record ImportRecord
		_ = json.Unmarshal(v.Data, &record) // written by Import
		done := record.State == ImportDone
		switch age := d.state.time.Sub(v.At); {
		case done && age > ImportKept, age > ImportKeptFor:
			old = append(old, id)
		case record.By == user:
			theirs = append(theirs, kept{id, v.Position, done})
		}
		return true
	})
	slices.SortFunc(theirs, func(a, b kept) int { return cmp.Compare(a.at, b.at) })
	if len(theirs) >= MaxImports {
		i := slices.IndexFunc(theirs, func(k kept) bool { return k.done })
		if i < 0 {
			return Refuse(CodeConflict, "%d of your imports have not come to their end: go on with one of them, or abandon one", MaxImports)
		}
		old = append(old, theirs[i].id)
	}
	for _, id := range old {
		d.Delete(importRef(id))
	}
	return nil
}

// apply takes over one line.
func (i Import) apply(d *Draft, who Who, item ImportItem, counts *ImportCounts) error {
	rules, ok := d.Rules().Channels[item.Channel]
	switch {
	case item.Channel == ControlLog && item.Data != nil:
		counts.Messages, counts.Skipped = counts.Messages+1, counts.Skipped+1
		return nil
	case !ok:
		return unknownChannel(item.Channel)
	case item.Data != nil:
		counts.Messages++
		return i.appendMessage(d, who, rules, item, counts)
	case item.Deleted:
		counts.Deleted++
	default:
		counts.Values++
	}
	switch {
	case rules.Kind != KindStore:
		return Refuse(CodeInvalid, "%s is a %s, which has no keys: give channel and data", item.Channel, rules.Kind)
	case rules.Live:
		return Refuse(CodeInvalid, "%s is a live store: its services send to it, nothing can be imported", item.Channel)
	}
	owner, err := i.ownerOf(rules, who, item)
	if err == nil {
		err = CheckKey(item.Key)
	}
	if err == nil {
		err = i.allow(d, who, rules, item.Channel)
	}
	if err != nil {
		return err
	}
	return i.setKey(d, Ref{item.Channel, owner, item.Key}, item, counts)
}

func (i Import) setKey(d *Draft, ref Ref, item ImportItem, counts *ImportCounts) error {
	present, there := d.Get(ref)
	same := there && !item.Deleted && sameJSON(present.Data, item.Value)
	if sum, known := i.tried.find(ref); known {
		there, same = sum != "", sum != "" && sum == sumOfJSON(item.Value)
	}
	switch {
	case item.Deleted && !there, same:
		counts.Unchanged++
	case there && i.Keep:
		counts.Kept++
	case item.Deleted:
		counts.Removed++
		d.Delete(ref)
		i.tried.note(ref, "")
	default:
		if err := d.checkValue(ref, item.Value); err != nil {
			return err
		}
		counts.Set++
		d.Set(ref, item.Value)
		if i.tried != nil {
			i.tried.note(ref, sumOfJSON(item.Value))
		}
	}
	return nil
}

func (i Import) appendMessage(d *Draft, who Who, rules ChannelRules, item ImportItem, counts *ImportCounts) error {
	if rules.Kind != KindLog {
		return Refuse(CodeInvalid, "%s is a %s, messages are of logs: give channel, key and value", item.Channel, rules.Kind)
	}
	if err := i.allow(d, who, rules, item.Channel); err != nil {
		return err
	}
	if len(item.Data) > MaxValue {
		return Refuse(CodeTooLarge, "the message has %d bytes, the limit is %d", len(item.Data), MaxValue)
	}
	if err := d.Rules().CheckValue(item.Channel, "", item.Data); err != nil {
		return err
	}
	counts.Appended++
	d.Append(item.Channel, item.Data)
	return nil
}

// ownerOf returns whose value a line gives.
func (i Import) ownerOf(rules ChannelRules, who Who, item ImportItem) (string, error) {
	own, err := rules.OwnerFor(who)
	scoped := rules.Scope == ScopeUser || rules.Scope == ScopeGroup
	switch {
	case item.Owner == "":
		return own, err
	case !scoped:
		return "", Refuse(CodeInvalid, "the values of %s belong to nobody in particular: leave owner out", item.Channel)
	case err == nil && item.Owner == own:
		return own, nil
	case !writesOfOthers(rules, who) && !who.Has(RoleAdmin):
		return "", Refuse(CodeForbidden, "you may not write what belongs to %.64q in %s: it is for %s", item.Owner, item.Channel, rules.Write)
	}
	return item.Owner, CheckKey(item.Owner)
}

// allow says whether lines of a channel may be taken over now.
func (i Import) allow(d *Draft, who Who, rules ChannelRules, channel string) error {
	operators := slices.Contains(rules.Write, RightOperator)
	if who.Uses(channel) && who.Has(RoleAdmin) && !Permits(rules.Write, who) && (!operators || d.vacant()) {
		return nil
	}
	_, err := d.allow(rules.Write, who, i.Term, "import into", channel)
	var r *Refusal
	if errors.As(err, &r) && operators && !Permits(rules.Write, who) {
		r.Detail += "; an import goes there under the operator's own term, or, by an admin, while nobody is in control"
	}
	return err
}

// vacant reports whether nobody is in control, as far as the authority can tell.
func (d *Draft) vacant() bool {
	a, ok := d.authority.(interface{ Vacant(View) bool })
	return ok && a.Vacant(d)
}

// check compares what a file says that it has with what came.
func (c ExportCounts) check(got ExportCounts) error {
	if c != got && c != (ExportCounts{}) {
		return Refuse(CodeInvalid, "the file says that it has %d values, %d deletions and %d messages, and has %d, %d and %d: "+
			"it is not whole", c.Values, c.Deleted, c.Messages, got.Values, got.Deleted, got.Messages)
	}
	return nil
}

// atLine adds to a refusal which line it is about.
func atLine(err error, item ImportItem) error {
	var r *Refusal
	if !errors.As(err, &r) {
		return err
	}
	if r.More == nil {
		r.More = map[string]any{}
	}
	r.More["line"] = item.Line
	if item.Channel != "" {
		r.More["channel"] = item.Channel
	}
	if item.Key != "" {
		r.More["key"] = item.Key
	}
	return r
}

// maxTried is how many keys a dry run remembers.
const maxTried = 1 << 18

// triedKeys are the keys that the steps of a dry run before this one would have changed: the sum of the value, "" if there
// would be none. A nil one, of a real import, has none.
type triedKeys struct {
	sums map[Ref]string
	full bool // it has forgotten some
}

func (t *triedKeys) find(ref Ref) (sum string, known bool) {
	if t != nil {
		sum, known = t.sums[ref]
	}
	return sum, known
}

func (t *triedKeys) note(ref Ref, sum string) {
	if t == nil {
		return
	}
	if _, known := t.sums[ref]; !known && len(t.sums) >= maxTried {
		t.full = true
		return
	}
	t.sums[ref] = sum
}

// sumOfJSON is the same for values that sameJSON holds for the same.
func sumOfJSON(value json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return ""
	}
	sum := sha256.Sum256(b.Bytes())
	return string(sum[:16])
}

// sameJSON compares two values without their white space.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
