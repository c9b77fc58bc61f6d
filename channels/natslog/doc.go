// Package natslog keeps what Baton must not lose, and what its nodes tell each other, in NATS JetStream. It is the only
// package that knows nats.go and nats-server.
//
// A Store is one connection to NATS: Embed starts a server inside this process, without a listener; Connect uses one
// that runs elsewhere. What they return behaves the same:
//
//	Log        stream TX_<space>: the one ordered record of a space, on disk
//	Snapshots  object store SNAPSHOTS: folded states, so that logs stay short
//	KV         stream KV_<bucket>: small values with a lifetime, compared by revision, on disk
//	Live       stream LIVE: the last value of each key, in memory
//	Ticks      stream TICKS: schedules that the server fires, each firing handled by one node
//	Relay      core NATS requests: at once, at most once
//	Signals    core NATS messages: to every node, at most once
//
// # What can be lost
//
// An acknowledged append survives whatever the disk survives, if the server syncs before it answers. The embedded one
// does so unless EmbedOptions.SyncInterval says otherwise. By default a NATS server does not: an external one needs
// "sync_interval: always" in its jetstream block. This cannot be seen from a client. It needs max_payload of at least
// 1 MiB too (its default), which Connect checks; 8 MiB, which the embedded one has, leaves room.
//
// # When the connection breaks
//
// Nothing is held back to be sent later: what is asked for while there is no connection fails at once with ErrNotSent.
// What was under way when it broke has an unknown outcome and returns at once too. Follow calls of every kind survive
// a break: they wait for the connection, make a new consumer, and go on where they were.
//
// # Goroutines
//
// Every method runs on the goroutine of its caller and has left nothing behind when it returns. Apart from those there
// are the ones of the NATS client and of the embedded server, which Close ends.
package natslog
