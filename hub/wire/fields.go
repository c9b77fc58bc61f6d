package wire

import "errors"

// What each request may hold, for DecodeRequests. A test compares these lists with the structs.

const (
	required = true
	optional = false
)

// allFields adds what every request may hold.
func allFields(r Request) []field {
	_, unanswered := r.(*Send)
	h := r.Header()
	return append(r.fields(), field{"id", !unanswered, (*id)(&h.ID)}, field{"seen", optional, &h.Seen}, field{"again", optional, &h.Again})
}

func (r *Join) fields() []field {
	return []field{
		{"channel", required, &r.Channel},
		{"cursor", optional, &r.Cursor},
		{"last", optional, &r.Last},
		{"owner", optional, &r.Owner},
	}
}

func (r *Leave) fields() []field {
	return []field{{"channel", required, &r.Channel}}
}

func (r *Write) fields() []field {
	return []field{
		{"channel", required, &r.Channel},
		{"owner", optional, &r.Owner},
		{"set", optional, &r.Set},
		{"delete", optional, &r.Delete},
		{"patch", optional, &r.Patch},
		{"if", optional, &r.If},
		{"unseen", optional, &r.Unseen},
		{"term", optional, &r.Term},
		{"held", optional, &r.Held},
		{"op", required, &r.Op},
	}
}

func (r *Append) fields() []field {
	return []field{
		{"channel", required, &r.Channel},
		{"data", required, &r.Data},
		{"term", optional, &r.Term},
		{"op", required, &r.Op},
	}
}

func (r *Send) fields() []field {
	return []field{
		{"channel", required, &r.Channel},
		{"set", optional, &r.Set},
		{"delete", optional, &r.Delete},
		{"data", optional, &r.Data},
	}
}

func (r *Read) fields() []field {
	return []field{
		{"channel", required, &r.Channel},
		{"keys", optional, &r.Keys},
		{"owner", optional, &r.Owner},
		{"all", optional, &r.All},
	}
}

func (r *Transact) fields() []field {
	return []field{
		{"writes", optional, &r.Writes},
		{"appends", optional, &r.Appends},
		{"calls", optional, &r.Calls},
		{"term", optional, &r.Term},
		{"held", optional, &r.Held},
		{"op", required, &r.Op},
	}
}

func (r *Call) fields() []field {
	return []field{
		{"command", required, &r.Command},
		{"args", optional, &r.Args},
		{"deadline_ms", optional, &r.DeadlineMS},
		{"term", optional, &r.Term},
		{"op", required, &r.Op},
	}
}

func (r *Cancel) fields() []field {
	return []field{{"call", required, &r.Call}, {"term", optional, &r.Term}, {"op", required, &r.Op}}
}

func (r *Lock) fields() []field {
	return []field{{"name", required, &r.Name}, {"op", required, &r.Op}}
}

func (r *Unlock) fields() []field {
	return []field{{"name", required, &r.Name}, {"token", optional, &r.Token}, {"op", required, &r.Op}}
}

func (r *Serve) fields() []field {
	return []field{{"commands", required, &r.Commands}}
}

func (r *Progress) fields() []field {
	return []field{{"call", required, &r.Call}, {"progress", required, &r.Progress}, {"op", required, &r.Op}}
}

func (r *Done) fields() []field {
	return []field{{"call", required, &r.Call}, {"result", optional, &r.Result}, {"op", required, &r.Op}}
}

func (r *Failed) fields() []field {
	return []field{{"call", required, &r.Call}, {"error", required, &r.Error}, {"op", required, &r.Op}}
}

func (r *Control) fields() []field {
	return []field{
		{"do", required, &r.Do},
		{"request", optional, &r.Request},
		{"session", optional, &r.Session},
		{"message", optional, &r.Message},
		{"reason", optional, &r.Reason},
		{"force", optional, &r.Force},
		{"op", required, &r.Op},
	}
}

func (r *Ping) fields() []field { return nil }

// A checked request has a form that its fields alone do not say.
type checked interface {
	check() error
}

func (r *Send) check() error {
	switch store := len(r.Set)+len(r.Delete) > 0; {
	case store && r.Data != nil:
		return errors.New(`"data" is for a signal, "set" and "delete" are for a live store: send one or the other`)
	case !store && r.Data == nil:
		return errors.New(`a send frame needs keys to "set" or "delete" in a live store, or the "data" of a signal`)
	}
	return nil
}

func (r *Transact) check() error {
	if len(r.Writes)+len(r.Appends)+len(r.Calls) == 0 {
		return errors.New(`a transact frame needs at least one part in "writes", "appends" or "calls"`)
	}
	return nil
}

func (r *Read) check() error {
	if r.All && r.Owner != "" {
		return errors.New(`"all" is everybody's values, "owner" those of one: send one or the other`)
	}
	return nil
}
