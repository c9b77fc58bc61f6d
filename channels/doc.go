// Package channels holds the shared state of a space and the one way to change it.
//
// # One log is the truth
//
// Each space has one Log. A record of it is an Entry: transactions with their effects, keys set and deleted, messages
// appended. Folding the records in order gives the State; a replica of it, a Space, is on every node that somebody
// needs it on. Folding applies effects and never decides, so all replicas are alike at the same position.
//
// # Why no write of a former operator can land
//
// A transaction is decided by a pure function, Decide, on a Draft: the state at position P and what the transactions
// before it in the same entry have changed. Everything is checked there, on exactly the state that it applies to: the
// logged record of the session that asks, the rules, the operator and the term, compare-and-set. The entry is then
// appended to the log with the expectation that it becomes record P+1 and no other. If control has changed hands in
// the meantime, on this node or any other, then by an entry that has taken P+1; the log refuses the late one, and it
// is decided again, on the state in which it is an observer's. No clock, no lock and no leader is in this argument,
// and it does not matter which node commits, how many try, or how long a message was under way.
//
// # Committing
//
// The goroutine of a Space takes all proposals that wait, decides them into one entry (batch), and has one entry in
// flight at a time (flight). The answer to the append is only a hint. What counts is the record that comes back at
// P+1: if it is the entry's own, every proposal in it is answered, the refusals that were decided together with it
// included; if it is another, the entry is not stored and never will be, and its proposals are decided again, on the
// new state. If nothing comes, an empty entry is sent to P+1, so that something does. Thus an answer is always true,
// and commit and fan-out are one step: a change is applied, watched and answered because it came from the log.
//
// # What a transaction can be
//
// A Write changes keys of one store: sets, deletes, patches, on conditions. An Append adds a message to a log channel. A
// CallCommand asks a service for something. A Transact is several of these, decided one after the other on one Draft, so
// all of it lands at one position or none does. A patch is kept in the log, and travels, as the patch; the fold applies it.
// Values, messages, arguments and results fit the JSON Schemas in the rules, which are checked in the decision like every
// other rule. A Lock is a key with a token, its position, that writes can name: a fence for programs, as the term is one
// for people.
//
// # What is forgotten
//
// A store remembers KeptTombstones deletions, or those of KeptFor; a log channel keeps as many messages, for as long, as its
// rules say. What has become too old is dropped by a Trim, which stands in the log: a node's clock decides when to propose
// it, never what is there. Whoever comes with a cursor from before the floor of a store gets all of it, and of a log
// channel is told that there is a gap. Page reads either in parts.
//
// # Once
//
// A proposal has an operation id, bound to its user and body. The fold remembers the last KeptOps operations in the log
// of each client with their answers, and a proposal is looked up there before any rule is applied. So a client that
// heard nothing sends the same operation again, to any node, after any restart, and gets its first answer.
//
// A refusal is not in the log, but for one: of what was sent Again, because what was sent first may still be on its way, to a
// node that stands still or over a line that does. That refusal takes its place as an operation that changes nothing, and
// whoever comes with the same later is given it. So a client that was told no after it was told nothing can go by it. That
// somebody is signed out, or asks for too much at once, is not a no to the operation: it is sent again, and done then.
//
// # When the log is not what it was
//
// An epoch is one life of a log. It ends when the log has lost its end: then the replica that finds it shorter than
// itself reads everything anew and commits a new epoch before anything else. Each entry says in which epoch it was
// decided. A replica that meets an epoch it knows nothing of has followed a history that the log has lost, and reads
// everything anew; an entry of an epoch that has ended was decided on such a history and came late, and it takes its
// position and nothing else. While a replica is read anew, Read shows what it was, Problem says why, WaitFor waits and
// nothing is decided; then it is replaced as a whole. A gap is closed in the same way.
//
// One thing cannot be seen: a log that was cut and has grown again to exactly where a replica is, before the replica's
// next probes. It takes the next entry for the one it expects, its own included, which it then answers with ok while the
// others pass it over; the entry after that of another replica ends it. It needs a log that loses what it acknowledged:
// a server that does not sync always, and a power cut.
//
// # Who owns what
//
// Space.run is the only goroutine that changes the state, decides and answers; see loop.go. Readers take the lock for
// the time of a Read. A Watcher is called from run and must not block. A follower, at most one append, one probe and
// one reading anew run beside it; Close waits for all of them. Nothing here holds on to a slow client: fan-out is
// package hub's, which keeps cursors, not queues.
//
// What a login session is and who is in control is decided by package session, through Decide functions and the
// Authority that it supplies, on the reserved stores of the same log.
package channels
