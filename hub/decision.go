package hub

import (
	"encoding/json"
	"strings"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// A decision is what a request that changes something comes to: how it is decided, and how a good outcome is answered. It
// is made of the request and the room alone, so every node makes the same of it.
type decision struct {
	op     string
	decide channels.Decide
	answer func(o channels.Outcome, cursor string) wire.Frame
}

// decisionOf makes it. It is nil of a request that changes nothing in the log.
func (r *room) decisionOf(request wire.Request) (*decision, error) {
	switch f := request.(type) {
	case *wire.Write:
		return r.writing(f)
	case *wire.Append:
		message := channels.Append{Channel: f.Channel, Data: f.Data, Term: f.Term}
		return &decision{f.Op, message.Decide, func(o channels.Outcome, cursor string) wire.Frame {
			return &wire.Appended{ID: f.ID, Position: o.Position, Cursor: cursor}
		}}, nil
	case *wire.Transact:
		return r.transaction(f)
	case *wire.Call:
		command := channels.CallCommand{Command: f.Command, Args: f.Args, Term: f.Term, Deadline: milliseconds(f.DeadlineMS)}
		return &decision{f.Op, r.calling(command, command.Decide), func(o channels.Outcome, cursor string) wire.Frame {
			var id string
			_ = json.Unmarshal(o.Answer, &id)
			return &wire.Called{ID: f.ID, Call: id, Position: o.Position, Cursor: cursor}
		}}, nil
	case *wire.Progress:
		return reporting(f, f.Op, channels.ReportCall{ID: f.Call, State: channels.CallTaken, Progress: f.Progress}), nil
	case *wire.Done:
		return reporting(f, f.Op, channels.ReportCall{ID: f.Call, State: channels.CallDone, Result: f.Result}), nil
	case *wire.Failed:
		return reporting(f, f.Op, channels.ReportCall{ID: f.Call, State: channels.CallFailed, Error: f.Error}), nil
	case *wire.Cancel: // a stop command has no record that could be cancelled
		return &decision{f.Op, channels.CancelCall{ID: f.Call, Term: f.Term}.Decide, writtenTo(f)}, nil
	case *wire.Lock: // it does not wait for a lock that somebody else has: the refusal says who, and the client asks again
		return &decision{f.Op, channels.Lock{Name: f.Name}.Decide, func(o channels.Outcome, cursor string) wire.Frame {
			var taken channels.LockAnswer
			_ = json.Unmarshal(o.Answer, &taken)
			return &wire.Locked{ID: f.ID, Name: f.Name, Token: taken.Token, Position: o.Position, Cursor: cursor}
		}}, nil
	case *wire.Unlock:
		return &decision{f.Op, channels.Unlock{Name: f.Name, Token: f.Token}.Decide, writtenTo(f)}, nil
	case *wire.Control:
		return moving(f), nil
	}
	return nil, nil
}

// writtenTo answers with where it was committed.
func writtenTo(f wire.Request) func(channels.Outcome, string) wire.Frame {
	return func(o channels.Outcome, cursor string) wire.Frame {
		return &wire.Written{ID: f.Header().ID, Position: o.Position, Cursor: cursor}
	}
}

func (r *room) writing(f *wire.Write) (*decision, error) {
	unseen, err := channels.ParseCursor(f.Unseen)
	if err != nil {
		return nil, channels.Refuse(channels.CodeInvalid, "%v", err)
	}
	return &decision{f.Op, func(d *channels.Draft) (any, error) {
		return channels.Write{
			Channel: f.Channel, Owner: f.Owner, Set: f.Set, Delete: f.Delete, Patch: f.Patch, If: f.If, Unseen: since(d, unseen),
			Term: f.Term, Held: f.Held,
		}.Decide(d)
	}, writtenTo(f)}, nil
}

// reporting is what a service says of a call.
func reporting(f wire.Request, op string, report channels.ReportCall) *decision {
	return &decision{op, report.Decide, writtenTo(f)}
}

// ofStop reports whether a service speaks of a stop command, of which there is no record.
func ofStop(request wire.Request) bool {
	switch f := request.(type) {
	case *wire.Progress:
		return strings.HasPrefix(f.Call, stopPrefix)
	case *wire.Done:
		return strings.HasPrefix(f.Call, stopPrefix)
	case *wire.Failed:
		return strings.HasPrefix(f.Call, stopPrefix)
	}
	return false
}

func moving(f *wire.Control) *decision {
	move := session.Move{Do: f.Do, Request: f.Request, Session: f.Session, Message: f.Message, Reason: f.Reason, Force: f.Force}
	return &decision{f.Op, move.Decide, func(o channels.Outcome, cursor string) wire.Frame {
		var done session.Moved
		_ = json.Unmarshal(o.Answer, &done)
		return &wire.Controlled{ID: f.ID, Term: done.Term, Request: done.Request, Position: o.Position, Cursor: cursor}
	}}
}
