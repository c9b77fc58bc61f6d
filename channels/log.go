package channels

import (
	"context"
	"errors"
	"io"
	"time"
)

// A Record is one stored entry as the log gives it back: the same position, time and bytes on every node.
type Record struct {
	Position uint64    // 1 for the first record of a log; never used twice
	Time     time.Time // when the log stored it, by the log's clock
	Data     []byte    // an encoded Entry; not to be modified
}

// ErrMoved is returned by Log.Append when the data was not stored, and never will be, because the position after
// the given one is taken, or another append to it is under way.
var ErrMoved = errors.New("the log has moved on")

// ErrStorage is returned by Log.Append when the log cannot store: its disk is full, or fails. Nobody knows for certain
// that the data will not be found there when it can again.
var ErrStorage = errors.New("the log cannot store")

// A Log is the one ordered record of a space. It is the only authority on what happened; every implementation
// passes channelstest.TestLog.
type Log interface {
	// Append stores data at position after+1 and nowhere else, durably, before it returns nil.
	// It returns ErrMoved when the data is certainly not stored. Any other error, a cancelled ctx among them,
	// means that nobody knows: the data may be stored, may arrive a little later, or never. What then occupies
	// position after+1 settles it.
	Append(ctx context.Context, after uint64, data []byte) error

	// Follow calls deliver for every record after the given position that the log still holds, in order, each once,
	// then for each new one, from one goroutine, until ctx ends (it then returns nil) or it fails. Records that were
	// purged are left out without a word: the caller sees the gap in the positions.
	// A start beyond the end of the log delivers nothing until the log gets there.
	Follow(ctx context.Context, after uint64, deliver func(Record)) error

	// Bounds returns the first position still held and the last position ever stored. They are 0, 0 for a log that
	// was never written; after a purge of everything first is last+1.
	Bounds(ctx context.Context) (first, last uint64, err error)

	// Purge forgets every record up to and including through. Positions do not move.
	Purge(ctx context.Context, through uint64) error
}

// ErrNoSnapshot is returned by Snapshots.Newest when none was ever saved.
var ErrNoSnapshot = errors.New("no snapshot")

// Snapshots keep the folded state of one space, so that its log can stay short.
type Snapshots interface {
	// Newest returns the newest snapshot that was saved whole. The caller closes data.
	Newest(ctx context.Context) (through uint64, data io.ReadCloser, err error)
	// Save stores the state folded through that position; it is found by Newest only once it is whole and durable.
	// Older snapshots may be dropped, the one before last is kept.
	Save(ctx context.Context, through uint64, data io.Reader) error
}

// A LiveKey names one live value.
type LiveKey struct{ Space, Channel, Key string }

// A LiveValue is the newest value of a key. Empty data means that the value is gone.
type LiveValue struct {
	LiveKey
	Data []byte
	By   string    // who published it
	At   time.Time // when it was, by the clock of what passes it on; not for Publish
}

// Live holds the last value of each key in memory, for the whole hub: positions of motors, presence. Delivery is at
// most once and newest wins; nothing here is decided and nothing is durable.
type Live interface {
	// Publish replaces the value. With a lifetime (whole seconds, 0 = until replaced) it is forgotten when not
	// renewed; followers that are already there are not told of that.
	Publish(ctx context.Context, v LiveValue, lifetime time.Duration) error
	// Follow delivers the present value of every key of every space, then each change, in order, from one goroutine,
	// until ctx ends (nil) or it fails. After a break it begins anew by itself, with the present values. An
	// implementation keeps one consumer a call, so a node calls it once.
	Follow(ctx context.Context, follower LiveFollower) error
}

// A LiveFollower is what Live.Follow tells. All of it is called from one goroutine at a time.
type LiveFollower struct {
	Begin   func()          // Every present value comes from here on. Optional.
	Deliver func(LiveValue) // Required.
	Current func()          // Those that were there at the last Begin have come: any other is gone. Optional.
}

// ErrPlan is returned by Ticks.Plan when the plan in force is a newer one, or another one with the same version.
var ErrPlan = errors.New("another plan is in force")

// ErrElsewhere is returned by the handler of a tick that is not for this node, such as one of a plan that it does not
// know yet: the tick comes again in a moment, perhaps to another node.
var ErrElsewhere = errors.New("this tick is for another node")

// A Tick is one firing of a schedule. Delivery is at least once; a tick delivered again is the same in all fields.
type Tick struct {
	Name     string
	Life     string // names this life of the schedules: when they are lost and made anew, sequences begin again
	Sequence uint64 // grows within a life
	Version  uint64 // of the plan that made the schedule
}

// Ticks fire schedules, each tick handled by exactly one of the nodes that follow.
type Ticks interface {
	// Plan puts a plan in force if its version is higher than that of the one that is: schedules that it does not have
	// are removed, with their ticks that wait. A plan with a lower version changes nothing, so nodes of two versions do
	// not fight. Calling it again, from any node, changes nothing, but finishes what a node left half done. It returns
	// ErrPlan when the plan in force has a higher version, or the same and other schedules: then this node may have to
	// wait in vain for its ticks.
	Plan(ctx context.Context, p Plan) error
	// Follow hands the ticks of schedules without a label, and of those with one of these, to this node, until ctx ends
	// (nil) or it fails. Ticks of different schedules may be handled at once, those of one schedule are handed to this
	// node one at a time. A tick whose handler returns an error is delivered again, perhaps to another node.
	Follow(ctx context.Context, labels []string, handle func(context.Context, Tick) error) error
}

// ErrNobody is returned by Relay.Ask when no node took the question.
var ErrNobody = errors.New("nobody answered")

// Relay carries small messages between the nodes at once, past the log: stop commands. At most once.
type Relay interface {
	// Ask sends data to every node that answers on the subject and returns the first answer, or ErrNobody.
	Ask(ctx context.Context, subject string, data []byte) ([]byte, error)
	// Answer calls answer for each question until ctx ends (nil). An answer of nil stays silent, so that another
	// node can speak.
	Answer(ctx context.Context, subject string, answer func(data []byte) []byte) error
}

// Signals carry what is worth nothing a moment later, between the nodes and for the whole hub: where a cursor is, how far
// something has come. Delivery is at most once and nothing is kept; what one node publishes arrives in its order.
type Signals interface {
	// Publish sends data to every node that follows, this one included, and does not wait for any.
	Publish(ctx context.Context, space string, data []byte) error
	// Follow delivers what is published, of every space, from one goroutine, until ctx ends (nil) or it fails. A deliver
	// that does not keep up misses some.
	Follow(ctx context.Context, deliver func(space string, data []byte)) error
}
