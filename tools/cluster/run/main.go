// Command cluster runs Baton as it is run for real, on one machine: three NATS servers that keep everything three times, a
// Redis, three hub nodes, and nginx in front of them that sends nobody to the same one on purpose. It makes their
// configurations of those in deploy/, says where to look, and ends all of it when it is told to.
//
//	go run ./cluster [-listen 127.0.0.1:8080] [-dir DIR] [-config site.yaml] [-bin ../bin]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// run starts everything in its order, waits until ctx ends or something does that should not, and ends everything.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	o := options{}
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address of nginx, which is the address of the site")
	flags.StringVar(&o.Dir, "dir", "", "folder for data and configurations (default: a new one, removed at the end)")
	flags.StringVar(&o.Config, "config", "", "site file (default: the one built in for --dev)")
	flags.StringVar(&o.Bin, "bin", "../bin", "folder with baton and nats-server")
	flags.StringVar(&o.Deploy, "deploy", "../deploy", "folder with the configurations to go by")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Dir == "" {
		dir, err := os.MkdirTemp("", "baton-cluster-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.Dir = dir
	}
	c, err := newCluster(o, log)
	if err != nil {
		return err
	}
	defer c.end()
	if err := c.start(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, `
  Baton is running:   http://%s   (three hubs, any of which serves you)

  Sign in as          alice, bob, sam (staff) or ada (admin); the password is the name.

  To see that nothing is lost, kill one of them:
%s
  Ctrl-C stops it.

`, o.Listen, c.list())
	return c.wait(ctx)
}
