// Package hub is one node: it accepts browsers and programs over WebSocket and HTTP, hands what they ask to the
// replica of their space, and brings every connection up to date from a cursor.
//
// # Rooms, rings and cursors
//
// A room is a space as this node shows it. Each entry of the log that the replica applies is encoded once, for each
// channel that somebody here has joined, into the ring of the room. A connection has the channels that it joined and
// one cursor; nothing is queued for it. When an entry touches one of its channels its writer is woken, collects what
// the ring has after the cursor, and writes all of it as one message. So a burst coalesces by itself, and a client that
// does not read costs a cursor. If the ring has meanwhile forgotten what the cursor needs, the client gets the present
// values of what changed since, and of log channels the messages: it converges, and is never sent anything stale. That is
// made beside everything else, once for all who need the same (catchup.go), and what is large of a message is no copy: all
// who are slow to take one have it in common, and in memory until the last of them has, or is given up.
//
// Ring and state move together: a room watches its replica from inside the replica's lock, so what joins at a position
// sees the values as of there and every entry after it, none twice.
//
// Answers to a connection's own requests are the one thing that waits for it. Each has the position that it speaks of,
// and is written after the entries up to there; while too many wait, the connection is not read.
//
// # The board
//
// What only the newest of is worth anything has no place in the ring: values of live stores and signals are on the room's
// board, one for each key and one for each sender, with a clock of its own. A connection has one cursor on that clock,
// and its writer collects what is newer, so a slow tab gets fewer updates and the last ones. Those who watch the board are
// woken every few milliseconds at most: a hundred motors that move at once are one message.
//
// # When the rules change
//
// Rules are in the log, so every room hears of new ones at the same position. There, all its connections leave their
// channels, and are welcomed again on the same socket: the clients join and serve again, and what they may read and write
// is decided anew. Nothing of what they may not read any more is sent after it, not even what was read for them before
// and waits: such a request is refused and asked again. All other requests under way are answered as ever, once. A client
// joins with the cursors that it has, so it gets what it missed and no more. A service goes on serving what it still may, so
// no call finds it gone. The welcomes are spread, so that a full room is no burst. It is the same when the rights of one
// person change. An event stream ends instead: its client asks for nothing, but comes back to where it was by itself. A
// request that waits for a change looks with the rights of the moment every time.
//
// # Tasks and duties
//
// What the hub does by itself is a task, at the ticks of a schedule, or a duty, all the time. Which node gets a tick is
// NATS's choice; before the node does anything it claims the tick in the log, so a task runs once for it. A duty is
// recorded in the log with the node that has it, and what it commits passes a fence. Whether the node of a record is
// still at it, the others ask it by the relay; one that does not answer is gone. The sweep, which proposes whatever is
// due in a space, is a task whose ticks are not claimed: it only proposes.
//
// # The home of a space
//
// Any node may commit, and no result depends on which does. But several committers make each other decide again, so a node
// hands what its connections ask for to the home of the space, which every node works out for itself from who is there
// (forward.go): a few messages at once, those of a connection in their order. What does not come back in time it commits
// itself; the operation id sees to it that it is applied once.
//
// # Leaving
//
// A node that is to stop is not ready at first and serves on, until what is in front of it has noticed. Then it lets nobody
// in any more, and sends those who are connected to other nodes (drain.go): each is told, in a frame that closes nothing, and
// opens its next connection, with its client id, before it lets this one go. So for a moment one client has two connections.
// They are one member and one in the limits, the calls that it has taken are handed to both, and what it has asked over the
// first and has no answer to it asks again over the second, under the same operation id. The one that it leaves counts as here
// for a moment longer, until the other node has surely spoken of the new one: no operator is lost on the way, and no service.
// Services are told first. Who has not gone in time is closed when what it asked is answered.
//
// A connection carries the operations of other clients of its user too: the tabs of a browser may share one socket, and a page
// may send what an earlier one could not. Each is done once, as its id says, on whatever connection it comes.
//
// # HTTP
//
// What a WebSocket does works without one. An event stream is a connection like any other, with another socket: the
// same steps bring it up to date, and the id of each event is the cursor that the connection is at, so a client that
// comes back with it misses nothing. Reads give what changed since a cursor, in pages that never tear a position apart,
// and can wait for a change. A request without an operation id (Baton-Op) is of a client of its own. One with an id that is
// sent again says so (Baton-Again, again in a frame): a refusal of it is kept in the log, so that no node does it later.
//
// Each operation is registered with public or member (api.go), as a function from one struct to another; the OpenAPI
// document is made of these. A body is read as strictly as a frame, a refusal is a problem (RFC 9457) with the code that
// an error frame would have, and no problem repeats what was sent. What one login session may ask for is metered apart
// from its connections; a stop command goes past the meter, the log and whatever else waits.
//
// # Who asks
//
// A request shows a cookie, a token of the space, or a JWT of another issuer; a WebSocket may show a ticket instead. Whatever
// it is leads to a record in the log of the space, of a login session or a token, and the record decides. So the first use of
// a JWT makes one (outside.go), and a ticket is taken off the log by whoever comes with it first, on any node (tickets.go).
// That a token has expired is refused at the door by the node's clock and proposed to the log by the sweep, which closes what
// is connected with it. The scope of a token is part of who asks, and is looked at wherever the rules are.
//
// # Goroutines
//
// A WebSocket has one, which waits for its client on the smallest stack there is (listen.go); what the client says is taken
// by a goroutine whose stack has grown, of a few that are there for all. Its writer is a shard (shard.go), one of as many
// as there are processors, which writes to all of its connections without waiting; what a client does not take at once is
// waited for in a goroutine of its own, for as long as it takes something (package socket). Connections that are alike are
// sent the very same bytes, made once (share.go). An event stream, and a WebSocket over TLS that ends here, has a reader
// and a writer of its own. The writer is the only one that writes; whoever wants the connection to end cancels its context
// with a cause, and the writer says so to the client, within a second. The hub itself pings the connections, follows live
// values and signals, answers ticks, tells other nodes who is here, and listens for stop commands; Hub.Close waits for all
// of them.
package hub
