// Package cmd is the hub, its demo beamline and its tools in one binary. It knows every package and wires them.
//
// Main is only a shell around run, which is what the tests call. Each command is in a file of its own; what they share
// is here: the environment (a flag --name can be given as BATON_NAME, or in the file that BATON_NAME_FILE names; the
// flag wins) and the exit codes: 0 done, 1 went wrong while it ran, 2 wrong usage, 78 wrong configuration.
//
// A site that adds something of its own, such as a backend for a store, has a main of its own that calls Main with
// Options; nothing has to be forked for that.
package cmd

import (
	"context"
	"os"
)

// Options are what a site adds to the hub in a binary of its own. The zero Options are the hub as it is.
type Options struct{}

// Main runs the command line of this process and ends it.
func Main(o Options) {
	os.Exit(exitCode(run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}
