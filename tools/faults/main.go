// Command faults is the proof harness: it runs Baton as a cluster, has a crowd of clients use it while everything in it that
// can break is broken, and holds what they saw against what Baton promises (G1 to G10 of RELIABILITY).
//
//	cd tools && go run ./faults -time 20m
//	cd tools && go run ./faults -check FOLDER     judge again what such a run has left
//	cd tools && go run ./faults -mutants          show that each checker finds the fault that it is there for
//
// All choices, of faults and of clients, come from one seed, which is printed first and with each failure: -seed makes the
// same choices again. When things happen is not repeated, so a failure may not come again at once. Therefore the whole
// history of a run that failed is kept, in a folder that is named at the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/baton-hub/baton/tools/faults/check"
	"github.com/baton-hub/baton/tools/faults/mutants"
	"github.com/baton-hub/baton/tools/faults/nemesis"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// run is the command. It fails if a promise was broken.
func run(ctx context.Context, args []string, out io.Writer) error {
	o := options{Out: out}
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Uint64Var(&o.Seed, "seed", rand.Uint64(), "makes all choices (default: a random one)")
	flags.DurationVar(&o.Time, "time", 20*time.Minute, "how long things are broken")
	flags.DurationVar(&o.Longest, "longest", 0, "how long one fault lasts at most (default: each kind has its own)")
	only := flags.String("only", "", "kinds of faults, separated by commas (default: all: "+strings.Join(nemesis.Kinds(true), ", ")+")")
	flags.StringVar(&o.Dir, "dir", "", "folder for everything that the run leaves (default: a new one, removed if nothing was broken)")
	flags.StringVar(&o.Bin, "bin", "../bin", "folder with baton and nats-server")
	flags.StringVar(&o.Deploy, "deploy", "../deploy", "folder with the configurations to go by")
	kept := flags.String("check", "", "judge the history in this folder again, and run nothing")
	withMutants := flags.Bool("mutants", false, "play a scene with each mutant, and nothing else")
	root := flags.String("root", "..", "folder of the module that mutants are made of")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *kept != "":
		return check.Folder(*kept, out)
	case *withMutants:
		return mutants.PlayAll(ctx, *root, o.Bin, out)
	}
	if *only != "" {
		o.Kinds = strings.Split(*only, ",")
	}
	for _, kind := range o.Kinds {
		if !slices.Contains(nemesis.Kinds(true), kind) {
			return fmt.Errorf("there is no fault %q: -help lists them", kind)
		}
	}
	return prove(ctx, o)
}
