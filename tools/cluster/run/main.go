// Command run runs a cluster (see the package above), says where to look and how to break it, and ends all of it when it is
// told to.
//
//	go run ./cluster/run [-listen 127.0.0.1:8080] [-dir DIR] [-config site.yaml] [-bin ../bin]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/baton-hub/baton/tools/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// run starts everything, waits until ctx ends, and ends everything.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	o := cluster.Options{Log: log}
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address of nginx, which is the address of the site; \"\" for a free port")
	flags.StringVar(&o.Dir, "dir", "", "folder for data, configurations and logs (default: a new one, removed at the end)")
	flags.StringVar(&o.Config, "config", "", "site file (default: the one built in for --dev)")
	flags.StringVar(&o.Bin, "bin", "../bin", "folder with baton and nats-server")
	flags.StringVar(&o.Deploy, "deploy", "../deploy", "folder with the configurations to go by")
	rough := flags.Bool("rough", false, "end everything as a power cut does, which is quick")
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
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `
  Baton is running:   %s   (three hubs, any of which serves you)

  Sign in as          alice, bob, sam (staff) or ada (admin); the password is the name.

  To see that nothing is lost, kill one of them:
%s
  Ctrl-C stops it.

`, c.URL, list(c))
	watch(ctx, c, log)
	if *rough {
		for _, p := range c.Parts() {
			if p.PID() != 0 {
				_ = p.Kill() // it may have ended by itself just now
			}
		}
	}
	return c.End()
}

// list says how to kill each part.
func list(c *cluster.Cluster) string {
	var lines strings.Builder
	for _, p := range c.Parts() {
		fmt.Fprintf(&lines, "    %-8s kill -9 %d\n", p.Name, p.PID())
	}
	return lines.String()
}

// watch returns when ctx ends. A part that ends before is told of, and the others go on: that is what they are for.
func watch(ctx context.Context, c *cluster.Cluster, log io.Writer) {
	told := make(chan struct{}, len(c.Parts()))
	for _, p := range c.Parts() {
		go func() {
			defer func() { told <- struct{}{} }()
			select {
			case <-ctx.Done():
			case <-p.Ended():
				fmt.Fprintf(log, "%s has ended\n", p.Name)
			}
		}()
	}
	for range c.Parts() {
		<-told
	}
	<-ctx.Done()
}
