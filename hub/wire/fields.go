package wire

// What each request may hold, for DecodeRequests. A test compares these lists with the structs.

const (
	required = true
	optional = false
)

// allFields adds what every request may hold.
func allFields(r Request) []field {
	_, unanswered := r.(*Send)
	h := r.Header()
	return append(r.fields(), field{"id", !unanswered, (*id)(&h.ID)}, field{"seen", optional, &h.Seen})
}

func (r *Join) fields() []field {
	return []field{{"channel", required, &r.Channel}, {"cursor", optional, &r.Cursor}}
}

func (r *Leave) fields() []field {
	return []field{{"channel", required, &r.Channel}}
}

func (r *Write) fields() []field {
	return []field{
		{"channel", required, &r.Channel},
		{"set", optional, &r.Set},
		{"delete", optional, &r.Delete},
		{"patch", optional, &r.Patch},
		{"if", optional, &r.If},
		{"unseen", optional, &r.Unseen},
		{"term", optional, &r.Term},
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
	return []field{{"channel", required, &r.Channel}, {"set", required, &r.Set}}
}

func (r *Call) fields() []field {
	return []field{
		{"command", required, &r.Command},
		{"args", optional, &r.Args},
		{"term", optional, &r.Term},
		{"op", required, &r.Op},
	}
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
		{"op", required, &r.Op},
	}
}

func (r *Ping) fields() []field { return nil }
