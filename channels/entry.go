package channels

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// EntryVersion is the format of the entries and snapshots that this version writes.
//
// Nodes of two versions run side by side on one log while an installation is upgraded, and one may be taken back. So this
// is what the next version may change, and what it must raise EntryVersion for:
//
//   - Without raising it, a version may add fields to entries, transactions, effects, rules, snapshot lines and the records
//     of reserved stores, and reserved stores of its own. An older node ignores the fields, folds the stores like any
//     other, and comes to the same state. It does not hand the fields on: it drops them from its snapshots, and from a
//     record that it changes. So only what can be lost goes there, and its absence means what was so before.
//   - What changes the meaning of what is there, cannot be lost, or is a new kind of effect or of snapshot line, needs a
//     higher EntryVersion. A node refuses an entry or a snapshot of a higher one, says that it must be upgraded, is not
//     ready, and decides nothing more; nothing that was acknowledged is lost. A version reads its own format and the one
//     before, and should write the older one until every node has it: raise it in the release after the one that reads it.
//   - Who decides need not agree, because each entry is decided by one node and applied by all. But an older node does not
//     enforce a rule that it does not know: one that forbids something counts once the last node is upgraded.
//   - The site file is upgraded last: first all nodes, then the file with a higher version and what is new in it. Rules that
//     do not use what is new are encoded as they were before, or two versions with one site file would say that it differs.
//
// The tests in cmd run this version and the next, as tools/next makes it, on one log, and compare their states.
const EntryVersion = 1

// An Entry is what one record of the log holds: transactions that were decided together and happen together. An
// entry without transactions changes nothing; it is how a committer settles what became of an earlier one.
type Entry struct {
	Version      int           `json:"v"`
	ID           string        `json:"id"`          // random, so that a committer knows its own entry when it comes back
	Epoch        string        `json:"e,omitempty"` // in which it was decided; in another it does not count
	Transactions []Transaction `json:"t,omitempty"`
}

// A Transaction is one decided operation: who asked, under which term, what it changes, and what it was answered. One that
// was refused is in the log only if it had been sent before, see Proposal.Again, and changes nothing.
type Transaction struct {
	Op      Op              `json:"op"`
	Unnamed bool            `json:"u,omitempty"` // the operation is not remembered, see Proposal
	Hash    string          `json:"h"`           // of the request's body: the operation id is bound to it
	By      Actor           `json:"by"`
	Term    uint64          `json:"term,omitempty"` // the term it was made under, where it needed one
	Answer  json.RawMessage `json:"a,omitempty"`    // kept, so that a retry gets its first answer
	Refused bool            `json:"r,omitempty"`    // Answer is a Refusal, and there are no Effects
	Effects []Effect        `json:"e,omitempty"`
	Trace   string          `json:"trace,omitempty"` // as in Proposal; no part of the state
}

// An Actor is who a transaction was decided for. Both are empty for the hub's own housekeeping.
type Actor struct {
	ID   string `json:"id,omitempty"`   // of the login session or token
	User string `json:"user,omitempty"` // the account
}

// An Effect changes one key or appends one message. It is the only way in which state changes.
type Effect struct {
	Channel string          `json:"c"`
	Owner   string          `json:"o,omitempty"` // in a user-scoped store, whose value
	Key     string          `json:"k,omitempty"` // empty: Value is appended to a log channel
	Value   json.RawMessage `json:"v,omitempty"` // empty, and Patch too: the key is deleted
	Patch   json.RawMessage `json:"p,omitempty"` // instead of Value: a JSON Merge Patch of the value that is there
}

// Ref returns the key that the effect changes.
func (e Effect) Ref() Ref { return Ref{e.Channel, e.Owner, e.Key} }

// Appends reports whether the effect is a message for a log channel.
func (e Effect) Appends() bool { return e.Key == "" }

// Deletes reports whether the effect removes its key.
func (e Effect) Deletes() bool { return e.Key != "" && len(e.Value) == 0 && len(e.Patch) == 0 }

// Encode returns the bytes for the log.
func (e Entry) Encode() ([]byte, error) { return encode(e) }

// DecodeEntry reads what Encode wrote. It refuses formats that this version does not know, because applying half of
// an entry would make this node differ from the others for ever.
func DecodeEntry(data []byte) (*Entry, error) {
	var e Entry
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("reading a log entry: %w", err)
	}
	if e.Version != EntryVersion {
		return nil, fmt.Errorf("reading a log entry: it has format %d and this version of Baton reads format %d: upgrade this node",
			e.Version, EntryVersion)
	}
	for i := range e.Transactions {
		if e.Transactions[i].Op == (Op{}) {
			return nil, fmt.Errorf("reading a log entry: its transaction %d has no operation id", i+1)
		}
	}
	return &e, nil
}

// appendTo appends the transaction as Encode writes it, which is a test: every transaction is written once by the node
// that decides it, and reflection took most of the time. Its raw values are packed.
func (tx *Transaction) appendTo(dst []byte) []byte {
	dst = appendText(append(dst, `{"op":`...), tx.Op.Client)
	dst = strconv.AppendUint(append(dst[:len(dst)-1], '.'), tx.Op.N, 10) // before the quote
	dst = append(dst, '"')
	if tx.Unnamed {
		dst = append(dst, `,"u":true`...)
	}
	dst = appendText(append(dst, `,"h":`...), tx.Hash)
	dst = append(dst, `,"by":{`...)
	if tx.By.ID != "" {
		dst = appendText(append(dst, `"id":`...), tx.By.ID)
	}
	if tx.By.User != "" {
		if tx.By.ID != "" {
			dst = append(dst, ',')
		}
		dst = appendText(append(dst, `"user":`...), tx.By.User)
	}
	dst = append(dst, '}')
	if tx.Term > 0 {
		dst = strconv.AppendUint(append(dst, `,"term":`...), tx.Term, 10)
	}
	if len(tx.Answer) > 0 {
		dst = append(append(dst, `,"a":`...), tx.Answer...)
	}
	if tx.Refused {
		dst = append(dst, `,"r":true`...)
	}
	for i := range tx.Effects {
		if i == 0 {
			dst = append(dst, `,"e":[`...)
		} else {
			dst = append(dst, ',')
		}
		dst = tx.Effects[i].appendTo(dst)
	}
	if len(tx.Effects) > 0 {
		dst = append(dst, ']')
	}
	if tx.Trace != "" {
		dst = appendText(append(dst, `,"trace":`...), tx.Trace)
	}
	return append(dst, '}')
}

func (e *Effect) appendTo(dst []byte) []byte {
	dst = appendText(append(dst, `{"c":`...), e.Channel)
	if e.Owner != "" {
		dst = appendText(append(dst, `,"o":`...), e.Owner)
	}
	if e.Key != "" {
		dst = appendText(append(dst, `,"k":`...), e.Key)
	}
	if len(e.Value) > 0 {
		dst = append(append(dst, `,"v":`...), e.Value...)
	}
	if len(e.Patch) > 0 {
		dst = append(append(dst, `,"p":`...), e.Patch...)
	}
	return append(dst, '}')
}

// isText reports whether all strings of the transaction are UTF-8: what others read from the log is what was decided.
func (tx *Transaction) isText() bool {
	for i := range tx.Effects {
		if e := &tx.Effects[i]; !utf8.ValidString(e.Channel) || !utf8.ValidString(e.Owner) || !utf8.ValidString(e.Key) {
			return false
		}
	}
	return utf8.ValidString(tx.By.ID) && utf8.ValidString(tx.By.User) && utf8.ValidString(tx.Trace)
}

// MarshalText and UnmarshalText carry operation ids through JSON in their wire form.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the wire form.
func (o *Op) UnmarshalText(text []byte) error {
	op, err := ParseOp(string(text))
	*o = op
	return err
}
