package session

import (
	"context"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
)

// A Store keeps what the tokens of cookies lead to: scs.CtxStore, with rules of its own that keep a login session from
// coming back to life. With scs alone, a request that was in flight while its login session ended may write it back, as
// it does whenever it saves one, so:
//
//   - CommitCtx makes a new record only if the context says so, see Creating, and there is none, not even a deleted one
//     (the very same one is no error, as a client of Redis sends it again when an answer is lost);
//   - any other CommitCtx replaces a record that is there, and returns ErrEnded if it is gone, past its time or deleted;
//   - DeleteCtx leaves a tombstone for longer than a request can be in flight, also where there was no record;
//   - every call ends within storeWait, with an error if the store is down: nobody is anonymous because of that.
//
// Tokens come hashed. Safe for concurrent use. Both implementations pass the same tests.
type Store interface{ scs.CtxStore }

// ErrEnded is returned by CommitCtx of a Store when the login session is not there to be written any more, or when
// one that was to be created has been there before.
var ErrEnded = errors.New("the login session has ended")

const (
	storeWait     = 2500 * time.Millisecond // so that with the rest of a request it is answered within 3 s
	tombstoneLife = Absolute                // longer than any request is in flight
	renewAfter    = time.Minute             // a record that would live on for less than this longer is not written again
)

type creatingKey struct{}

// Creating returns the context that lets CommitCtx of a Store make a new record.
func Creating(ctx context.Context) context.Context {
	return context.WithValue(ctx, creatingKey{}, true)
}

func creating(ctx context.Context) bool { return ctx.Value(creatingKey{}) != nil }

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, storeWait)
}
