// Package cmd is the hub, its demo beamline and its tools in one binary. It knows every package and wires them.
//
// Main is only a shell around run, which is what the tests call. Each command is in a file of its own; what they share
// is here: the environment (a flag --name can be given as BATON_NAME, or in the file that BATON_NAME_FILE names; the
// flag wins) and the exit codes: 0 done, 1 went wrong while it ran, 2 wrong usage, 78 wrong configuration.
//
// # A binary of one's own
//
// A site that adds something of its own, such as a backend for a store, has a main of its own that calls Main with
// Options; nothing has to be forked for that:
//
//	func main() {
//		cmd.Main(cmd.Options{Backends: map[string]backend.Kind{"folder": folder.New}})
//	}
//
// and its site file can say
//
//	backends:
//	  recipes: {kind: folder, path: recipes, on: fileserver}
//
// How to write one is in package channels/backend, with an example. Own authenticators are given likewise; the example of
// this package is one, and sessiontest.RunAuthenticator tests it.
package cmd

import (
	"context"
	"os"

	"github.com/baton-hub/baton/channels/backend"
	"github.com/baton-hub/baton/session"
)

// Options are what a site adds to the hub in a binary of its own. The zero Options are the hub as it is.
type Options struct {
	Backends       map[string]backend.Kind // Optional. Kinds of backends, by the word that the site file names them with.
	Authenticators map[string]session.Kind // Optional. Kinds of authenticators, likewise.
	Tasks          map[string]Builtin      // Optional. What a task of the site file can run, by name, beside what is built in.
}

// Main runs the command line of this process and ends it.
func Main(o Options) {
	os.Exit(exitCode(o.run(context.Background(), os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}
