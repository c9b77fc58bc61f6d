// Command baton is the hub, its demo beamline and its tools in one binary. It knows every package and wires them.
//
// main is only a shell around run, which is what the tests call. Each command is in a file of its own; what they share
// is here: the environment (a flag --name can be given as BATON_NAME, or in the file that BATON_NAME_FILE names; the
// flag wins) and the exit codes: 0 done, 1 went wrong while it ran, 2 wrong usage, 78 wrong configuration.
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(exitCode(run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}
