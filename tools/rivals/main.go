// Command rivals measures Baton in turns with Centrifugo, on this machine, with the clients and scenarios of `baton bench`:
//
//	make rivals RIVALS="-scenario storm -rounds 5"
//
// Centrifugo is what Baton is compared with in the targets of speed. It is another program, of which nothing is in Baton or in
// its tests: this command builds the release that is named here with the Go toolchain, which downloads it and some hundred
// modules, and checks that it is the very one. Linux only.
//
// Both get the same values, from as many clients, over WebSocket and in JSON, and each client shows who it is: a token of the
// space, and a JWT. What differs is what each does for it. Baton has every value on the disk before it tells anybody, and tells
// everybody who is here. Centrifugo keeps the last values in memory, for those who come back. The configuration is in
// centrifugo.go, the protocol in dialect.go; what this command promises about the protocol is tested without Centrifugo.
package main

import (
	"context"
	"debug/buildinfo"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/baton-hub/baton/cmd/bench"
)

// The release that is compared with.
const (
	modulePath    = "github.com/centrifugal/centrifugo/v6"
	moduleVersion = "v6.9.1"
	moduleSum     = "h1:JyYAxuwBvf5ox+3EW2agQJTxNG5axoRSOdvoA6qPAuo="
)

func main() {
	var o bench.Options
	baton := flag.String("baton", "../bin/baton-bench", "the hub to measure")
	program := flag.String("centrifugo", "../bin/centrifugo", "Centrifugo; is built if it is not there")
	scenarios := flag.String("scenario", "idle,fan-out,fan-out-max,rooms,echo,storm", "which, comma-separated")
	sizes := flag.String("connections", "", "how many, comma-separated (default: those of each scenario)")
	flag.IntVar(&o.Rounds, "rounds", 3, "how often they take turns; medians are reported")
	flag.DurationVar(&o.Duration, "duration", 4*time.Second, "of a turn")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o.Scenarios = strings.Split(*scenarios, ",")
	err := parseSizes(*sizes, &o)
	if err == nil {
		err = run(ctx, o, *baton, *program)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "rivals: %v\n", err)
		stop()
		os.Exit(1)
	}
}

func parseSizes(sizes string, o *bench.Options) error {
	for word := range strings.FieldsFuncSeq(sizes, func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return fmt.Errorf("reading -connections: %w", err)
		}
		o.Connections = append(o.Connections, n)
	}
	return nil
}

// run measures and prints the table. That a target is missed is no error.
func run(ctx context.Context, o bench.Options, baton, program string) error {
	program, err := filepath.Abs(program)
	if err == nil {
		err = build(ctx, program)
	}
	if err != nil {
		return err
	}
	o.Program, o.Version = []string{baton}, "as built"
	o.Mint = func(ctx context.Context, data, space, name string) (string, error) {
		token, err := exec.CommandContext(ctx, baton, "token", "create", name, "--space", space, "--data", data).Output()
		return strings.TrimSpace(string(token)), err
	}
	o.Step = func(what string, done, total int) {
		fmt.Fprintf(os.Stderr, "%s %d/%d %s\n", time.Now().Format(time.TimeOnly), done, total, what)
	}
	o.Rival = &bench.Rival{
		Name: "Centrifugo", Most: target,
		Start:  func(ctx context.Context) (*bench.Started, error) { return start(ctx, program) },
		Client: func(string) bench.Dialect { return &dialect{token: token(strconv.FormatUint(rand.Uint64(), 36))} },
	}
	report, err := bench.Run(ctx, o)
	if report == nil {
		return err
	}
	if err := report.WriteTable(os.Stdout); err != nil {
		return err
	}
	if lost, duplicated := report.Wrong(); err == nil && lost+duplicated > 0 {
		err = fmt.Errorf("%d deliveries were lost and %d came twice", lost, duplicated)
	}
	return err
}

// target is what a figure of Baton may be, as a part of the same of Centrifugo.
func target(scenario string, connections int) float64 {
	switch scenario {
	case "idle":
		return 0.27
	case "fan-out-max":
		if connections >= 10_000 {
			return 0.10
		}
		return 0.55
	case "fan-out", "rooms", "storm":
		return 0.6
	}
	return 0
}

// build builds Centrifugo, unless it is there, and sees that it is the release that is meant.
func build(ctx context.Context, program string) error {
	if _, err := os.Stat(program); err != nil {
		fmt.Fprintf(os.Stderr, "building %s@%s, which takes minutes\n", modulePath, moduleVersion)
		install := exec.CommandContext(ctx, "go", "install", modulePath+"@"+moduleVersion)
		install.Env = append(os.Environ(), "GOBIN="+filepath.Dir(program))
		install.Stderr = os.Stderr
		if err := install.Run(); err != nil {
			return fmt.Errorf("building Centrifugo: %w", err)
		}
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("reading what %s is made of: %w", program, err)
	}
	if m := info.Main; m.Path != modulePath || m.Version != moduleVersion || m.Sum != moduleSum {
		return fmt.Errorf("%s is %s %s %s, not %s %s: remove it, and it is built again", program, m.Path, m.Version, m.Sum, modulePath, moduleVersion)
	}
	return nil
}
