package hub

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// What was sent in a body does not come back in the problem that refuses it, nor go into the log: it may be a secret in the
// wrong field, and a page may show it. Details are sentences of other packages, which quote what they speak of.

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// discreet returns a problem without words from the body of the request.
func (v *visit) discreet(p *problem) *problem {
	if len(v.body) == 0 || !strings.Contains(p.detail, `"`) {
		return p
	}
	var sent []string // all texts of the body, names and values
	_ = v.eachText(func(text string, _ bool) { sent = append(sent, text) })
	q := *p
	q.detail = quoted.ReplaceAllStringFunc(p.detail, func(word string) string {
		text, err := strconv.Unquote(word)
		for _, s := range sent {
			if err != nil || text != "" && strings.Contains(s, text) {
				return `"…"`
			}
		}
		return word
	})
	return &q
}

// place is where in a body something is wrong, without the names in it that are not the operation's own.
func (v *visit) place(location string) string {
	_ = v.eachText(func(text string, name bool) {
		if name && !v.api.names()[text] && text != "" {
			location = strings.ReplaceAll(location, "."+text, ".…")
		}
	})
	return location
}

// eachText calls f with all texts of the body: the names of members, and values.
func (v *visit) eachText(f func(text string, name bool)) error {
	d := json.NewDecoder(bytes.NewReader(v.body))
	var depth []bool // whether each level is an object
	name := false    // a name is due
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		inObject := len(depth) > 0 && depth[len(depth)-1]
		switch t := token.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				depth = append(depth, t == '{')
			} else {
				depth = depth[:len(depth)-1]
			}
			name = len(depth) > 0 && depth[len(depth)-1]
			continue
		case string:
			f(t, inObject && name)
		}
		name = inObject && !name
	}
}

// propertyNames are all names that the documented schemas have.
func (a *api) propertyNames() map[string]bool {
	names := map[string]bool{}
	for _, s := range a.huma.OpenAPI().Components.Schemas.Map() {
		for name := range s.Properties {
			names[name] = true
		}
	}
	return names
}
