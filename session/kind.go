package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// A Kind makes authenticators of a configuration, which it checks. It should not need what it will ask: a hub comes up
// while a directory is down. A binary of one's own names its kinds in cmd.Options.Authenticators, and the site file can
// use them; the example of package cmd is one.
type Kind func(KindConfig) (Authenticator, error)

// KindConfig is what the site file says of an authenticator.
type KindConfig struct {
	Dir     string                     // the folder of the site file: paths in Options are relative to it
	Options map[string]json.RawMessage // what is given beside kind
	Logger  *slog.Logger               // never nil
}

// Read reads the options into a struct, by its JSON names. It refuses an option that the struct does not have.
func (c KindConfig) Read(into any) error {
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
