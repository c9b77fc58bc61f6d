package history

import (
	"encoding/json"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// Asked makes the Operation of a request that is about to be sent. Who asks is for the caller to fill in.
func Asked(r wire.Request, at int64) Operation {
	o := Operation{Verb: r.FrameType(), Seen: r.Header().Seen, Again: r.Header().Again, Begin: at, Outcome: Unknown}
	switch f := r.(type) {
	case *wire.Write:
		o.Op, o.Term = f.Op, f.Term
		o.Writes = []Write{{f.Channel, f.Owner, f.Set, f.Delete, f.Patch, f.If}}
	case *wire.Append:
		o.Op, o.Term = f.Op, f.Term
		o.Appends = []Append{{f.Channel, f.Data}}
	case *wire.Call:
		o.Op, o.Term = f.Op, f.Term
		o.Calls = []Call{{f.Command, f.Args}}
	case *wire.Transact:
		o.Op, o.Term = f.Op, f.Term
		for _, w := range f.Writes {
			o.Writes = append(o.Writes, Write{w.Channel, w.Owner, w.Set, w.Delete, w.Patch, w.If})
		}
		for _, a := range f.Appends {
			o.Appends = append(o.Appends, Append(a))
		}
		for _, c := range f.Calls {
			o.Calls = append(o.Calls, Call{c.Command, c.Args})
		}
	case *wire.Control:
		o.Op = f.Op
		o.Control = &Control{f.Do, f.Request, f.Session, f.Reason}
	case *wire.Read:
		o.Read = &Reading{f.Channel, f.Owner, f.Keys}
	}
	return o
}

// Answered fills in the answer to the operation, which came as this frame.
func (o *Operation) Answered(f wire.Frame, at int64) {
	o.End, o.Outcome = at, OK
	o.Answer, _ = json.Marshal(f) // it was JSON when it came
	switch f := f.(type) {
	case *wire.Written:
		o.Position = f.Position
	case *wire.Appended:
		o.Position = f.Position
	case *wire.Called:
		o.Position = f.Position
	case *wire.Controlled:
		o.Position = f.Position
	case *wire.Values:
		o.Position = PositionOf(f.Cursor)
	case *wire.Error:
		o.Outcome, o.Code = Refused, f.Code
		if f.Code == string(channels.CodeUnknown) {
			o.Outcome = Unknown
		}
	}
}

// PositionOf returns the position of a cursor, 0 if it is none.
func PositionOf(cursor string) uint64 {
	c, err := channels.ParseCursor(cursor)
	if err != nil {
		return 0
	}
	return c.Position
}
