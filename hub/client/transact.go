package client

import (
	"context"
	"errors"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// A Transaction is several changes of a space, all or none, which everybody sees as one.
type Transaction struct {
	Writes  []Write  // Their Term and Held must be empty: they are those of the Transaction.
	Appends []Append //
	Calls   []Call   // Stop commands cannot be among them.
	Term    uint64   // As in Write, for all parts.
	Held    []*Lock  // As in Write, for all parts.
}

// An Append is a message to add to a log.
type Append struct {
	Channel string
	Message any // encoded by encoding/json
}

// A Call is a call of a command.
type Call struct {
	Command  string
	Args     any           // encoded by encoding/json; nil: none
	Deadline time.Duration // how long it may take as a whole, if that is less than the rules say; 0: as they say
}

// Transact makes a transaction and returns its position and the ids of its calls, in order, for Await and Cancel. The
// error is an *Error if the hub refused; its More["part"] names the part, such as "writes/0".
func (c *Client) Transact(ctx context.Context, t Transaction) (position uint64, calls []string, err error) {
	f, err := t.frame()
	if err != nil {
		return 0, nil, err
	}
	answer, err := ask[*wire.Written](ctx, c, func(op string) wire.Request { f.Op = op; return f })
	if err != nil {
		return 0, nil, err
	}
	return answer.Position, answer.Calls, nil
}

func (t Transaction) frame() (*wire.Transact, error) {
	f := &wire.Transact{Term: t.Term, Held: tokens(t.Held)}
	for _, w := range t.Writes {
		if w.Term != 0 || w.Held != nil {
			return nil, errors.New("a write of a transaction has no Term or Held of its own: give them in the Transaction")
		}
		part, err := w.frame()
		if err != nil {
			return nil, err
		}
		f.Writes = append(f.Writes, wire.TransactWrite{
			Channel: part.Channel, Owner: part.Owner, Set: part.Set, Delete: part.Delete, Patch: part.Patch, If: part.If, Unseen: part.Unseen,
		})
	}
	for _, a := range t.Appends {
		data, err := marshal("the message", a.Message)
		if err != nil {
			return nil, err
		}
		f.Appends = append(f.Appends, wire.TransactAppend{Channel: a.Channel, Data: data})
	}
	for _, call := range t.Calls {
		part, err := call.frame(0)
		if err != nil {
			return nil, err
		}
		f.Calls = append(f.Calls, wire.TransactCall{Command: part.Command, Args: part.Args, DeadlineMS: part.DeadlineMS})
	}
	return f, nil
}
