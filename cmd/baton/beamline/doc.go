// Package beamline is the demo: a simulated macromolecular-crystallography beamline, with which Baton can be tried
// without an instrument. What it consists of is in facts.yaml, with its source.
//
// It has two parts.
//
// Beamline is the machine: motors that take time to move, shutters, a sample changer, and the queue as a state machine
// that mounts, centres and collects. It is a plain value with methods. It has no clock, no goroutine and no I/O: Advance
// is told how much time has passed, Do is told a command, and TakeOutput returns what there is to publish since.
//
// Run is the shell: it runs a Beamline against a hub that it knows as the interface Hub. One goroutine owns the
// Beamline and never waits for the hub, so that a stop command acts at once whatever the hub is doing; a second one
// writes what has to be stored, where only the newest value of a key waits. Commands, ticks and changes of the stores that users
// write reach the owner by channels. Both goroutines have ended when Run returns.
//
// Over makes a Hub of the Go client, so that the beamline uses the public API only, as any service would.
package beamline
