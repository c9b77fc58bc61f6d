// Package backend keeps a store where other programs can read and edit it, too: in a file, a folder, a data base.
//
// The log stays the truth. A Runner mirrors: what is committed is saved to the Backend, as a whole and with the cursor
// that it holds, and what others change there comes in as ordinary compare-and-set writes, which every rule of the
// store is checked on. So a program that edits a file is one more client of the store, no more and no less.
//
// # Whose change is newer
//
// Contents carry a cursor: everything in the log up to there is in them. A value that differs from the log's is
// somebody's edit if the log's own last change of the key is at or before the cursor: it is written, on the condition
// that the key is still at that position. If the log's change is later, the log wins and the edit is reported. The
// cursor also has a checksum of the values, so that after a restart contents that nobody has edited are known as merely
// old, and nothing is reported. Contents without a cursor have seen nothing: their keys come in where the log never had
// any, and for the others the log wins.
//
// An edit that the rules refuse is reported, and stays where it is until the next change is saved; then it is kept
// aside, if the Backend is a Keeper, and overwritten.
//
// # Who runs it
//
// One node at a time has the duty (package hub). A node that lost it without noticing can commit nothing, because its
// writes pass a fence; what it still saves carries an older cursor, so the node that has it now puts it right.
//
// # A backend of one's own
//
// Three methods, see Backend; the example of this package is one that keeps each value in a file of its own. A binary of
// one's own names it in cmd.Options.Backends, and the site file can use it.
package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Contents are the values of one store.
type Contents struct {
	Cursor string                     // opaque to the Backend, which keeps it with the values; "" = there was none
	Values map[string]json.RawMessage // by key
}

// A Backend keeps the values of one store. Its methods are called from one goroutine, but for Watch, which runs beside.
type Backend interface {
	// Load returns what is there; if nothing is, that is the zero Contents. It returns an error that wraps ErrInvalid
	// when what is there is not values: then somebody has to repair it, and until that is done nothing comes in.
	Load(ctx context.Context) (Contents, error)
	// Save replaces what is there, durably, wholly or not at all. It returns ErrChanged, and does nothing, if somebody
	// changed what is there since the last Load or Save. What Load has found invalid is kept aside before.
	Save(ctx context.Context, c Contents) error
	// Watch calls changed whenever somebody else may have changed what is there, within about a second, until ctx ends
	// (nil) or it fails. It may call too often, and for what Save did.
	Watch(ctx context.Context, changed func()) error
}

// A Keeper is a Backend that can keep aside what is there, for a person to look at: it is asked to before edits are
// overwritten that were refused or came too late.
type Keeper interface {
	Keep(ctx context.Context) error
}

var (
	// ErrInvalid is returned by Load when what is there is not the values of a store.
	ErrInvalid = errors.New("cannot be read")
	// ErrChanged is returned by Save when somebody has changed what is there since it was loaded.
	ErrChanged = errors.New("changed by somebody else meanwhile")
)

// Config is what the site file says of a backend.
type Config struct {
	Name    string                     // as the site file names it
	Dir     string                     // the folder of the site file: paths in Options are relative to it
	Options map[string]json.RawMessage // what is given beside kind and on
}

// A Kind makes backends of a configuration, which it checks; it touches nothing before the first Load.
type Kind func(Config) (Backend, error)

// Read reads the options into a struct, by its JSON names. It refuses an option that the struct does not have.
func (c Config) Read(into any) error {
	text, err := json.Marshal(c.Options)
	if err != nil {
		return fmt.Errorf("reading the options: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		given := strings.Join(slices.Sorted(maps.Keys(c.Options)), ", ")
		return fmt.Errorf("reading its options (%s): %s", given, strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
