// Package world is what the proof harness runs and breaks: a cluster as tools/cluster makes it, with a link that can be cut
// between every two that talk to each other, and a disk of its own under each that keeps something.
package world

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/tools/cluster"
	"github.com/baton-hub/baton/tools/faults/disk"
	"github.com/baton-hub/baton/tools/faults/history"
	"github.com/baton-hub/baton/tools/faults/link"
)

//go:embed site.yaml
var site []byte

// The spaces of the site.
const (
	Space = "lab"
	One   = "one" // lets one person in at a time
)

// Options say what to build a world of.
type Options struct {
	Dir         string // for data, logs and disks. Required.
	Bin, Deploy string // as of cluster.Options. Required.
	Log         io.Writer
}

// A World is a cluster that can be broken. Its methods are for one goroutine.
type World struct {
	Cluster *cluster.Cluster
	NoDisks error // why there are none: then nothing is filled, and no power cut

	dir   string
	disks map[string]*disk.Disk // by part: the NATS servers and redis

	mu    sync.Mutex
	links map[Pair]*link.Link // guarded by mu
}

// A Pair is one part that finds another.
type Pair struct{ From, To string }

// Build makes a world and starts it. What it has begun of one that does not come up it takes away.
func Build(ctx context.Context, o Options) (w *World, err error) {
	w = &World{dir: o.Dir, links: map[Pair]*link.Link{}, disks: map[string]*disk.Disk{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.End())
		}
	}()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return w, err
	}
	if w.NoDisks = disk.Possible(); w.NoDisks == nil {
		for _, name := range []string{"nats-1", "nats-2", "nats-3", "redis"} {
			d, err := disk.New(filepath.Join(o.Dir, name+".image"), filepath.Join(o.Dir, name))
			if err != nil {
				return w, err
			}
			w.disks[name] = d
		}
	}
	config := filepath.Join(o.Dir, "site.yaml")
	if err := os.WriteFile(config, site, 0o600); err != nil {
		return w, err
	}
	var trouble error
	w.Cluster, err = cluster.New(cluster.Options{
		Dir: o.Dir, Bin: o.Bin, Deploy: o.Deploy, Config: config, Log: o.Log,
		HubArgs: []string{"--demo=false", "--no-docs", "--drain-delay=500ms"},
		Through: func(from, to, address string) string {
			if from == "nginx" {
				return address // what is between clients and hubs the clients break themselves
			}
			l, err := link.New(address)
			if err != nil {
				trouble = err
				return address
			}
			w.links[Pair{from, to}] = l
			return l.Addr()
		},
	})
	if err = errors.Join(err, trouble); err != nil {
		return w, err
	}
	return w, w.Cluster.Start(ctx)
}

// Between returns the links that connect two parts, each with whether it leads from the first to the second: who dialed does
// not matter to what is sent.
func (w *World) Between(a, b string) (links []*link.Link, forward []bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.links[Pair{a, b}]; l != nil {
		links, forward = append(links, l), append(forward, true)
	}
	if l := w.links[Pair{b, a}]; l != nil {
		links, forward = append(links, l), append(forward, false)
	}
	return links, forward
}

// Set says how it is between two parts: what goes from a to b, and back.
func (w *World) Set(a, b string, toward, from link.Way) {
	links, forward := w.Between(a, b)
	for i, l := range links {
		if forward[i] {
			l.Set(toward, from)
		} else {
			l.Set(from, toward)
		}
	}
}

// Break resets all connections between two parts.
func (w *World) Break(a, b string) {
	links, _ := w.Between(a, b)
	for _, l := range links {
		l.Break()
	}
}

// Part finds a part by its name.
func (w *World) Part(name string) *cluster.Part {
	for _, p := range w.Cluster.Parts() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Disk returns the disk of a part, nil where there are none.
func (w *World) Disk(name string) *disk.Disk { return w.disks[name] }

// Folder is where a part keeps its data.
func (w *World) Folder(name string) string { return filepath.Join(w.dir, name) }

// Heal makes everything whole: links pass everything on, disks have room, every part runs and is ready.
func (w *World) Heal(ctx context.Context) error {
	w.mu.Lock()
	for _, l := range w.links {
		l.Set(link.Way{}, link.Way{})
	}
	w.mu.Unlock()
	var trouble []error
	for _, d := range w.disks {
		trouble = append(trouble, d.Free())
	}
	parts := w.Cluster.Parts()
	for _, p := range parts {
		trouble = append(trouble, p.Continue())
		if p.PID() == 0 {
			trouble = append(trouble, p.Launch())
		}
	}
	for _, p := range parts {
		trouble = append(trouble, p.Ready(ctx))
	}
	return errors.Join(trouble...)
}

// Entries reads the log of a space, all of it, past everything that can be broken.
func (w *World) Entries(ctx context.Context, space string) ([]history.Entry, error) {
	store, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	log, err := store.Log(ctx, space)
	if err != nil {
		return nil, err
	}
	return history.Collect(ctx, log)
}

// Head returns the last position of the log of a space.
func (w *World) Head(ctx context.Context, space string) (uint64, error) {
	store, err := w.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer store.Close()
	log, err := store.Log(ctx, space)
	if err != nil {
		return 0, err
	}
	_, last, err := log.Bounds(ctx)
	return last, err
}

func (w *World) connect(ctx context.Context) (*natslog.Store, error) {
	var servers []string
	for _, p := range w.Cluster.NATS {
		servers = append(servers, "nats://"+p.Address)
	}
	return natslog.Connect(ctx, natslog.ConnectOptions{URL: strings.Join(servers, ","), Replicas: 3})
}

// End ends everything and unmounts the disks. It is an error if a part did not end when it was told to.
func (w *World) End() error {
	var trouble []error
	if w.Cluster != nil {
		trouble = append(trouble, w.Cluster.End())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.links {
		l.Close()
	}
	for name, d := range w.disks {
		if err := d.Close(); err != nil {
			trouble = append(trouble, fmt.Errorf("the disk of %s: %w", name, err))
		}
	}
	return errors.Join(trouble...)
}
