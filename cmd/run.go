package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes, as sysexits.h and most tools have them.
const (
	exitRunTime       = 1
	exitUsage         = 2
	exitConfiguration = 78
)

// A usageError is returned when the command line makes no sense.
type usageError struct{ error }

// A configError is returned when the configuration cannot be used.
type configError struct{ error }

func (e usageError) Unwrap() error  { return e.error }
func (e configError) Unwrap() error { return e.error }

// exitCode says on stderr what went wrong and returns the code to exit with.
func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "baton: %v\n", err)
	var usage usageError
	var config configError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "Run 'baton --help' for usage.")
		return exitUsage
	case errors.As(err, &config):
		return exitConfiguration
	default:
		return exitRunTime
	}
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer

	getenv func(string) string

	own Options // what the site's own binary adds
}

// run runs the command line of the hub as it is.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	return Options{}.run(ctx, args, getenv, stdin, stdout, stderr)
}

// run runs the command line. It ends when the command has, or after ctx or a signal ended it: SIGTERM and SIGINT let it
// finish in order, a second one kills it.
func (o Options) run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, stop := untilTold(ctx)
	defer stop()

	root := rootCommand(streams{stdin, stdout, stderr, getenv, o})
	root.SetArgs(args)
	began := false
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		began = true
		return fromEnvironment(c.LocalFlags(), getenv)
	}
	err := root.ExecuteContext(ctx)
	if err != nil && !began {
		return usageError{err} // cobra's own: an unknown command or flag, wrong arguments
	}
	return err
}

// untilTold returns a context that ends with the first SIGTERM or SIGINT. By then the next one kills: whoever has seen what
// comes of the first may send it.
func untilTold(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-told:
		case <-ctx.Done():
		}
		signal.Stop(told)
		cancel()
	}()
	return ctx, cancel
}

func rootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "baton",
		Short:         "A real-time hub for shared control: many watch, one drives",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.AddCommand(serveCommand(s), benchCommand(s), demoCommand(s), userCommand(s), tokenCommand(s), configCommand(s), exportCommand(s), importCommand(s), backupCommand(s), restoreCommand(s), docsCommand(s), healthcheckCommand(s), reloadCommand(), versionCommand(s))
	return root
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usageError{fmt.Errorf("say what to do with it: %s", c.CommandPath()+" --help")}
		},
	}
	c.AddCommand(commands...)
	return c
}

// fromEnvironment gives the flags that are not on the command line the value of BATON_NAME, or the content of the file
// that BATON_NAME_FILE names, as secrets are handed to containers.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var problems []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" {
			return
		}
		name := "BATON_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := getenv(name)
		if file := getenv(name + "_FILE"); value == "" && file != "" {
			data, err := os.ReadFile(file)
			if err != nil {
				problems = append(problems, fmt.Errorf("reading %s_FILE: %w", name, err))
				return
			}
			value = strings.TrimRight(string(data), "\r\n")
		}
		if value == "" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			problems = append(problems, fmt.Errorf("reading %s: %w", name, err))
		}
	})
	if len(problems) > 0 {
		return configError{errors.Join(problems...)}
	}
	return nil
}
