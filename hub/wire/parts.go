package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A TransactWrite is a Write as a part of a Transact.
type TransactWrite struct {
	Channel string                     `json:"channel"`          // Required.
	Owner   string                     `json:"owner,omitempty"`  // Optional. As in Write.
	Set     map[string]json.RawMessage `json:"set,omitempty"`    // Set, Delete or Patch is required.
	Delete  []string                   `json:"delete,omitempty"` // Keys to delete.
	Patch   map[string]json.RawMessage `json:"patch,omitempty"`  // JSON Merge Patches, as in Write.
	If      map[string]uint64          `json:"if,omitempty"`     // Optional. As in Write.
	Unseen  string                     `json:"unseen,omitempty"` // Optional. As in Write.
}

func (p *TransactWrite) fields() []field {
	return []field{
		{"channel", required, &p.Channel},
		{"owner", optional, &p.Owner},
		{"set", optional, &p.Set},
		{"delete", optional, &p.Delete},
		{"patch", optional, &p.Patch},
		{"if", optional, &p.If},
		{"unseen", optional, &p.Unseen},
	}
}

// A TransactAppend is an Append as a part of a Transact.
type TransactAppend struct {
	Channel string          `json:"channel"` // Required.
	Data    json.RawMessage `json:"data"`    // Required.
}

func (p *TransactAppend) fields() []field {
	return []field{{"channel", required, &p.Channel}, {"data", required, &p.Data}}
}

// A TransactCall is a Call as a part of a Transact.
type TransactCall struct {
	Command    string          `json:"command"`                                                 // Required.
	Args       json.RawMessage `json:"args,omitempty"`                                          // Optional.
	DeadlineMS int64           `json:"deadline_ms,omitempty" minimum:"0" maximum:"31622400000"` // Optional. As in Call; the bounds are for OpenAPI.
}

func (p *TransactCall) fields() []field {
	return []field{{"command", required, &p.Command}, {"args", optional, &p.Args}, {"deadline_ms", optional, &p.DeadlineMS}}
}

// A part is an object within a request.
type part[T any] interface {
	*T
	fields() []field
}

// readParts reads an array of parts.
func readParts[T any, P part[T]](raw []byte, into *[]T, what string) error {
	if raw[0] != '[' {
		return errors.New("it is an array of objects")
	}
	i := -1
	return parts(raw, func(_, one []byte) error {
		if i++; one[0] != '{' {
			return fmt.Errorf("part %d: it is an object", i)
		}
		var members []member
		_ = parts(one, func(name, value []byte) error { // which does not fail
			members = append(members, member{[]byte(unquote(name)), value})
			return nil
		})
		var p T
		if err := fill(P(&p).fields(), members, what); err != nil {
			return fmt.Errorf("part %d: %w", i, err)
		}
		*into = append(*into, p)
		return nil
	})
}
