package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/baton-hub/baton/session"
)

// decode reads what the service says of a person. It is stricter than package json, which takes names of members in any
// case, several times, and puts something in the place of bytes that are no text. No error repeats the answer.
func decode(text []byte) (who session.Identity, err error) {
	if !utf8.Valid(text) {
		return who, errors.New("it is not UTF-8")
	}
	fields := map[string]any{"user": &who.User, "name": &who.Name, "roles": &who.Roles, "proposals": &who.Proposals}
	d := json.NewDecoder(bytes.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return session.Identity{}, errors.New(`it is not a JSON object such as {"user": "ann", "roles": ["user"]}`)
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return session.Identity{}, errors.New("it is not JSON")
		}
		name, _ := key.(string) // in an object it is one
		into, known := fields[name]
		switch {
		case !known:
			return session.Identity{}, errors.New("it has a member that is none of user, name, roles, proposals")
		case seen[name]:
			return session.Identity{}, fmt.Errorf("it has %s twice", name)
		}
		seen[name] = true
		if err := d.Decode(into); err != nil {
			return session.Identity{}, fmt.Errorf("its %s is not what it has to be: user and name are text, roles and proposals are lists of text", name)
		}
	}
	if _, err := d.Token(); err != nil {
		return session.Identity{}, errors.New("it is not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return session.Identity{}, errors.New("something follows the object")
	}
	if !seen["roles"] {
		return session.Identity{}, errors.New(`it has no roles: somebody who has none is answered with "roles": []`)
	}
	return who, nil
}
