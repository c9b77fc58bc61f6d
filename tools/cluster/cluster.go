// Package cluster runs Baton as it is run for real, on one machine: three NATS servers that keep everything three times, a
// Redis, three hub nodes, and nginx in front of them that sends nobody to the same one on purpose. It makes their
// configurations of those in deploy/. Each part can be killed, stopped, and started again where it was.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options say what is run, and from what.
type Options struct {
	// Dir is the folder for data, configurations and logs. Required. What a cluster left there before is taken up.
	Dir string
	// Bin has baton and nats-server; Deploy the configurations to go by. Required.
	Bin, Deploy string
	// Listen is the address of nginx. Default: a free port of 127.0.0.1.
	Listen string
	// Config is a site file. Default: the one built in for --dev.
	Config string
	// HubArgs are more arguments for each hub; they come last, so they count.
	HubArgs []string
	// Host is where a part listens, by its name: nats-1, redis, hub-1, nginx. Default: 127.0.0.1.
	Host func(part string) string
	// Through is the address at which one part finds another that listens on address: that of something in between, which
	// can break. It is asked for the hubs, which find NATS servers and redis, for nginx, which finds hubs, and for
	// NATS servers, which find each other. Default: address.
	Through func(from, to, address string) string
	// Wrap makes the command that runs a part, of the one that it would be: to run it in a network namespace, or under
	// strace. Signals go to what it makes and to its children. Default: the command as it is.
	Wrap func(part string, command []string) []string
	// Log is told what gets ready. Default: nobody.
	Log io.Writer
}

const nodes = 3 // of NATS, and of hubs

// A Cluster is running parts.
type Cluster struct {
	// Set by New.
	URL   string // of nginx, which is the address of the site
	NATS  []*Part
	Redis *Part
	Hubs  []*Part // the first runs the demo beamline
	Nginx *Part

	options Options
	ports   ports
	routes  []string // where the NATS servers find each other
}

// New finds ports that stay the cluster's until End, and makes the configurations. Nothing runs yet.
func New(o Options) (*Cluster, error) {
	for _, path := range []*string{&o.Dir, &o.Bin, &o.Deploy, &o.Config} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	if o.Host == nil {
		o.Host = func(string) string { return "127.0.0.1" }
	}
	if o.Wrap == nil {
		o.Wrap = func(_ string, command []string) []string { return command }
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	c := &Cluster{options: o}
	if err := c.make(); err != nil {
		c.ports.release()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) make() error {
	for _, add := range []func() error{c.addNATS, c.addRedis, c.addHubs, c.addNginx} {
		if err := add(); err != nil {
			return err
		}
	}
	return nil
}

// Start makes a cluster and brings it up. What it has started of one that does not get ready it ends.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := c.Start(ctx); err != nil {
		return nil, errors.Join(err, c.End())
	}
	return c, nil
}

// Start brings up one part after the other, each when those that it needs are there.
func (c *Cluster) Start(ctx context.Context) error {
	for _, parts := range [][]*Part{c.NATS, {c.Redis}, c.Hubs, {c.Nginx}} {
		for _, p := range parts {
			if err := p.Launch(); err != nil {
				return err
			}
		}
		for _, p := range parts {
			if err := p.Ready(ctx); err != nil {
				return err
			}
			fmt.Fprintf(c.options.Log, "%s is ready\n", p.Name)
		}
	}
	return nil
}

// Parts are all of them, in the order of their start.
func (c *Cluster) Parts() []*Part {
	parts := append([]*Part{}, c.NATS...)
	parts = append(parts, c.Redis)
	parts = append(parts, c.Hubs...)
	return append(parts, c.Nginx)
}

// End ends the parts, those that need others first. A part that has to be killed is an error.
func (c *Cluster) End() error {
	defer c.ports.release()
	var trouble []error
	parts := c.Parts()
	for i := len(parts) - 1; i >= 0; i-- {
		trouble = append(trouble, parts[i].Continue(), parts[i].end())
	}
	return errors.Join(trouble...)
}

// part adds one, not started.
func (c *Cluster) part(name, address string, look func() error, env []string, command ...string) *Part {
	return &Part{
		Name: name, Address: address, look: look, env: env,
		command: c.options.Wrap(name, command), log: filepath.Join(c.options.Dir, name+".log"),
	}
}

func (c *Cluster) addNATS() error {
	hosts := make([]string, nodes)
	for i := range nodes {
		hosts[i] = c.options.Host(fmt.Sprint("nats-", i+1))
		route, err := c.ports.take(hosts[i])
		if err != nil {
			return err
		}
		c.routes = append(c.routes, route)
	}
	for i, host := range hosts {
		name := fmt.Sprint("nats-", i+1)
		address, err := c.ports.take(host)
		if err != nil {
			return err
		}
		monitor, err := c.ports.take(host)
		if err != nil {
			return err
		}
		conf, err := c.configure(name+".conf", "nats-cluster.conf", c.natsConf(i, address, monitor))
		if err != nil {
			return err
		}
		p := c.part(name, address, answers("http://"+monitor+"/healthz"), []string{"NATS_NAME=" + name}, c.bin("nats-server"), "-c", conf)
		p.Admin = "http://" + monitor
		c.NATS = append(c.NATS, p)
	}
	return nil
}

func (c *Cluster) addRedis() error {
	host := c.options.Host("redis")
	address, err := c.ports.take(host)
	if err != nil {
		return err
	}
	data := filepath.Join(c.options.Dir, "redis")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	c.Redis = c.part("redis", address, listens(address), nil, "redis-server", "--bind", host, "--port", port(address),
		"--protected-mode", "no", "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--dir", data)
	return nil
}

// addHubs adds the nodes. The demo beamline is one program, so one node runs it.
func (c *Cluster) addHubs() error {
	for i := range nodes {
		name := fmt.Sprint("hub-", i+1)
		address, err := c.ports.take(c.options.Host(name))
		if err != nil {
			return err
		}
		admin, err := c.ports.take(c.options.Host(name))
		if err != nil {
			return err
		}
		var servers []string
		for _, p := range c.NATS {
			servers = append(servers, "nats://"+c.through(name, p.Name, p.Address))
		}
		command := []string{
			c.bin("baton"), "serve", "--dev", "--listen", address, "--admin", admin,
			"--nats", strings.Join(servers, ","), "--nats-replicas", "3",
			"--redis", "redis://" + c.through(name, c.Redis.Name, c.Redis.Address), fmt.Sprintf("--demo=%v", i == 0),
		}
		if c.options.Config != "" {
			command = append(command, "--config", c.options.Config)
		}
		p := c.part(name, address, answers("http://"+address+"/readyz"), nil, append(command, c.options.HubArgs...)...)
		p.Admin = "http://" + admin
		c.Hubs = append(c.Hubs, p)
	}
	return nil
}

func (c *Cluster) addNginx() error {
	address := c.options.Listen
	if address == "" {
		var err error
		if address, err = c.ports.take(c.options.Host("nginx")); err != nil {
			return err
		}
	}
	conf, err := c.configure("nginx.conf", "nginx.conf", c.nginxConf(address))
	if err != nil {
		return err
	}
	c.URL = "http://" + address
	c.Nginx = c.part("nginx", address, answers(c.URL+"/readyz"), nil,
		"nginx", "-e", "stderr", "-p", c.options.Dir, "-c", conf, "-g", "daemon off;")
	return nil
}

func (c *Cluster) through(from, to, address string) string {
	if c.options.Through == nil {
		return address
	}
	return c.options.Through(from, to, address)
}

func (c *Cluster) bin(name string) string { return filepath.Join(c.options.Bin, name) }

// answers is ready when a GET is answered with 200.
func answers(address string) func() error {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func() error {
		response, err := client.Get(address)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(io.LimitReader(response.Body, 500))
			return fmt.Errorf("%s answered %d: %s", address, response.StatusCode, text)
		}
		return nil
	}
}

// port is that of an address.
func port(address string) string {
	u := url.URL{Host: address}
	return u.Port()
}
