package channels

// JournalRecord is a message of ControlLog: who did what, under which term, and what came of it.
type JournalRecord struct {
	Do      string `json:"do"`
	User    string `json:"user,omitempty"`
	Name    string `json:"name,omitempty"`
	Session string `json:"session,omitempty"`
	Term    uint64 `json:"term,omitempty"`
	Command string `json:"command,omitempty"`
	Call    string `json:"call,omitempty"`
	Result  string `json:"result,omitempty"`
	Reason  string `json:"reason,omitempty"`
	From    string `json:"from,omitempty"`     // the address that they signed in from
	LeftOut int    `json:"left_out,omitempty"` // of a stop: so many more came with it and are not journaled
}

func ended(c Call) JournalRecord {
	return JournalRecord{
		Do: "call", User: c.By.User, Name: c.By.Name, Session: c.By.ID, Term: c.Term, Command: c.Command, Call: c.ID,
		Result: c.State, Reason: c.Error, From: c.By.From,
	}
}

// JournalStop records that a stop command was sent to its service, which did not wait for the log.
type JournalStop struct {
	Command string
	By      Who
	Result  string
	LeftOut int // so many more were sent by the same user since the last record, which have none
}

// Decide is the Decide of a JournalStop; it is the hub's own, and never refused.
func (j JournalStop) Decide(d *Draft) (any, error) {
	d.Append(ControlLog, JournalRecord{
		Do: "stop", User: j.By.User, Name: j.By.Name, Session: j.By.ID, Command: j.Command, Result: j.Result, LeftOut: j.LeftOut, From: j.By.From,
	})
	return nil, nil
}
