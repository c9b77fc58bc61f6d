package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type options struct {
	Listen, Dir, Config, Bin, Deploy string
}

const (
	nodes     = 3                // of NATS, and of hubs
	readyTime = 60 * time.Second // for a part to get ready
	endTime   = 30 * time.Second // for a part to end: longer than a hub drains
)

// A cluster is its parts, in the order of their start.
type cluster struct {
	options
	log   io.Writer
	parts []*part

	clients, routes, monitors, hubs [nodes]int // ports
	redis                           int
}

// newCluster finds free ports. What is listened on in between is somebody else's.
func newCluster(o options, log io.Writer) (*cluster, error) {
	c := &cluster{options: o, log: log}
	for _, port := range []*int{
		&c.clients[0], &c.clients[1], &c.clients[2], &c.routes[0], &c.routes[1], &c.routes[2],
		&c.monitors[0], &c.monitors[1], &c.monitors[2], &c.hubs[0], &c.hubs[1], &c.hubs[2], &c.redis,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all are found
		*port = l.Addr().(*net.TCPAddr).Port
	}
	for _, file := range []*string{&c.Dir, &c.Bin, &c.Config} {
		if *file == "" {
			continue
		}
		path, err := filepath.Abs(*file)
		if err != nil {
			return nil, err
		}
		*file = path
	}
	return c, nil
}

// start brings up one part after the other, each when those that it needs are there.
func (c *cluster) start(ctx context.Context) error {
	for i := range nodes {
		name := fmt.Sprint("nats-", i+1)
		conf, err := c.configure(name+".conf", "nats-cluster.conf", c.natsConf(i))
		if err != nil {
			return err
		}
		c.add(name, []string{"NATS_NAME=" + name}, filepath.Join(c.Bin, "nats-server"), "-c", conf)
	}
	if err := c.each(ctx, c.parts, func(i int) func() error { return answers(fmt.Sprintf("http://127.0.0.1:%d/healthz", c.monitors[i])) }); err != nil {
		return err
	}
	data := filepath.Join(c.Dir, "redis")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	redis := c.add("redis", nil, "redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(c.redis), "--appendonly", "yes",
		"--maxmemory-policy", "noeviction", "--dir", data)
	if err := c.each(ctx, []*part{redis}, func(int) func() error { return listens(fmt.Sprintf("127.0.0.1:%d", c.redis)) }); err != nil {
		return err
	}
	first := len(c.parts)
	for i := range nodes {
		c.add(fmt.Sprint("hub-", i+1), nil, filepath.Join(c.Bin, "baton"), c.hubArgs(i)...)
	}
	if err := c.each(ctx, c.parts[first:], func(i int) func() error { return answers(fmt.Sprintf("http://127.0.0.1:%d/readyz", c.hubs[i])) }); err != nil {
		return err
	}
	conf, err := c.configure("nginx.conf", "nginx.conf", c.nginxConf())
	if err != nil {
		return err
	}
	nginx := c.add("nginx", nil, "nginx", "-e", "stderr", "-p", c.Dir, "-c", conf, "-g", "daemon off;")
	return c.each(ctx, []*part{nginx}, func(int) func() error { return answers("http://" + c.Listen + "/readyz") })
}

// hubArgs are those of a node. The demo beamline is one program, so one node runs it.
func (c *cluster) hubArgs(i int) []string {
	var servers []string
	for _, port := range c.clients {
		servers = append(servers, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	args := []string{
		"serve", "--dev", "--listen", fmt.Sprintf("127.0.0.1:%d", c.hubs[i]), "--admin", "",
		"--nats", strings.Join(servers, ","), "--nats-replicas", "3", "--redis", fmt.Sprintf("redis://127.0.0.1:%d", c.redis),
		fmt.Sprintf("--demo=%v", i == 0),
	}
	if c.Config != "" {
		args = append(args, "--config", c.Config)
	}
	return args
}

func (c *cluster) add(name string, env []string, command string, args ...string) *part {
	p := newPart(name, env, command, args...)
	c.parts = append(c.parts, p)
	return p
}

// each starts parts together and waits until each is ready.
func (c *cluster) each(ctx context.Context, parts []*part, ready func(i int) func() error) error {
	for _, p := range parts {
		if err := p.start(); err != nil {
			return err
		}
	}
	for i, p := range parts {
		if err := p.ready(ctx, ready(i)); err != nil {
			return err
		}
		fmt.Fprintf(c.log, "%s is ready\n", p.name)
	}
	return nil
}

// list says how to kill each part.
func (c *cluster) list() string {
	var lines strings.Builder
	for _, p := range c.parts {
		fmt.Fprintf(&lines, "    %-8s kill -9 %d\n", p.name, p.pid())
	}
	return lines.String()
}

// wait returns when ctx ends. A part that ends before is told of, and the others go on: that is what they are for.
func (c *cluster) wait(ctx context.Context) error {
	for _, p := range c.parts {
		go func() {
			select {
			case <-ctx.Done():
			case <-p.ended:
				fmt.Fprintf(c.log, "%s has ended\n", p.name)
			}
		}()
	}
	<-ctx.Done()
	return nil
}

// end ends the parts, those that need others first.
func (c *cluster) end() {
	var trouble []error
	for i := len(c.parts) - 1; i >= 0; i-- {
		trouble = append(trouble, c.parts[i].end())
	}
	if err := errors.Join(trouble...); err != nil {
		fmt.Fprintln(c.log, err)
	}
}

// answers is ready when a GET is answered with 200.
func answers(url string) func() error {
	client := http.Client{Timeout: 2 * time.Second}
	return func() error {
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
			return fmt.Errorf("%s answered %d: %s", url, response.StatusCode, text)
		}
		return nil
	}
}

// listens is ready when something takes connections.
func listens(address string) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
