// Package bench measures a hub from outside: it is very many clients, and counts what reaches them, what the hub's process
// takes for it, and whether anything is missing or came twice.
//
// # The floor
//
// Seconds and microseconds depend on the machine and on what else it does, so what counts are ratios. Beside the hub runs the
// floor, a process that does the least that could be done: a loop over raw sockets that writes the same bytes, one write for
// each message, or flat out, one write for all that waits (floor.go). It stores nothing and checks nothing. Both are measured
// in turns, A B A B, by the same clients; the ratio of a round is of two turns that follow each other, and what is reported is
// the median over the rounds.
//
// # What is counted
//
// Each value that a client writes says when it was to be written, by which writer, and which one of that writer's it is
// (value.go). So every delivery has its latency, and each reader knows of each writer whether one is missing or came twice; at
// the end each reader must have seen the last one. A reader that is so slow that the hub sends it present values instead
// counts what it was spared apart. Latency is from when the value was due, so a hub that holds up the writer does not look
// better for it.
//
// The processor time is the server process's own, user and system, by the kernel's clock of that process (process_linux.go),
// between the first and the last delivery. The clients are in this process and count for nothing, but they share the machine:
// deliveries per second are what server and clients reach together.
package bench
