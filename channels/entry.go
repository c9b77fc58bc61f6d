package channels

import (
	"encoding/json"
	"fmt"
)

// EntryVersion is the format of the entries that this version writes.
const EntryVersion = 1

// An Entry is what one record of the log holds: transactions that were decided together and happen together. An
// entry without transactions changes nothing; it is how a committer settles what became of an earlier one.
type Entry struct {
	Version      int           `json:"v"`
	ID           string        `json:"id"`          // random, so that a committer knows its own entry when it comes back
	Epoch        string        `json:"e,omitempty"` // in which it was decided; in another it does not count
	Transactions []Transaction `json:"t,omitempty"`
}

// A Transaction is one decided operation: who asked, under which term, what it changes, and what it was answered.
type Transaction struct {
	Op      Op              `json:"op"`
	Hash    string          `json:"h"` // of the request's body: the operation id is bound to it
	By      Actor           `json:"by"`
	Term    uint64          `json:"term,omitempty"` // the term it was made under, where it needed one
	Answer  json.RawMessage `json:"a,omitempty"`    // kept, so that a retry gets its first answer
	Effects []Effect        `json:"e,omitempty"`
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

// MarshalText and UnmarshalText carry operation ids through JSON in their wire form.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the wire form.
func (o *Op) UnmarshalText(text []byte) error {
	op, err := ParseOp(string(text))
	*o = op
	return err
}
