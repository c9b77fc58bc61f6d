package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/backend"
	"github.com/baton-hub/baton/channels/backend/jsonfile"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/wire"
)

// siteTask is a task of a space: when, and what.
type siteTask struct {
	Every *time.Duration `yaml:"every"` // whole seconds; or
	Cron  string         `yaml:"cron"`  // six fields, seconds first, in UTC
	Call  string         `yaml:"call"`  // a command; or
	Args  *siteJSON      `yaml:"args"`
	Run   string         `yaml:"run"` // something that the binary has built in
	On    string         `yaml:"on"`  // the label of the nodes that may run it; default any
}

// A Builtin is something that a task of the site file can run by its name. It ends when ctx does; the detail is for
// people.
type Builtin func(ctx context.Context, space *channels.Space) (detail string, err error)

// checkpoint saves the state of the space, so that its log is short and a node starts fast.
func checkpoint(ctx context.Context, space *channels.Space) (string, error) {
	var position uint64
	space.Read(func(s *channels.State) { position = s.Position() })
	if err := space.Checkpoint(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("through position %d", position), nil
}

// checkValue refuses what a client could not send as a value either.
func checkValue(value []byte) error {
	_, err := wire.CheckJSON(value)
	return err
}

// builtins returns what tasks can run.
func (o Options) builtins() map[string]Builtin {
	all := map[string]Builtin{"checkpoint": checkpoint}
	maps.Copy(all, o.Tasks)
	return all
}

// kinds returns the kinds of backends.
func (o Options) kinds() map[string]backend.Kind {
	all := map[string]backend.Kind{"jsonfile": jsonfile.New}
	maps.Copy(all, o.Backends)
	return all
}

func (t siteTask) task(o Options, space, name string) hub.Task {
	task := hub.Task{
		Space: space, Name: name, Every: orDefault(t.Every, 0), Cron: t.Cron, On: t.On, Call: t.Call, Args: t.Args.raw(),
	}
	if run := o.builtins()[t.Run]; run != nil {
		task.Run = run
	}
	return task
}

// tasks returns the tasks of all spaces.
func (s *site) tasks(o Options) (tasks []hub.Task) {
	for space, from := range s.Spaces {
		for name, t := range from.Tasks {
			tasks = append(tasks, t.task(o, space, name))
		}
	}
	return tasks
}

// siteBackend is where a store is kept, too. Beside kind and on it has what its kind takes.
type siteBackend struct {
	kind    string
	on      string
	options map[string]json.RawMessage
	err     error
}

// UnmarshalYAML takes what is there; what is wrong with it is said by the check, with its line.
func (b *siteBackend) UnmarshalYAML(node *yaml.Node) error {
	var text bytes.Buffer
	if b.err = writeJSON(&text, node); b.err != nil {
		return nil
	}
	if err := json.Unmarshal(text.Bytes(), &b.options); err != nil {
		b.err = errors.New("a backend is written as {kind: jsonfile, path: values.json}")
		return nil
	}
	for name, field := range map[string]*string{"kind": &b.kind, "on": &b.on} {
		if value, given := b.options[name]; given && json.Unmarshal(value, field) != nil {
			b.err = fmt.Errorf("%s is a word, not %s", name, value)
		}
		delete(b.options, name)
	}
	return nil
}

// open makes the backend, which touches nothing yet.
func (b siteBackend) open(o Options, name, dir string) (backend.Backend, error) {
	if b.err != nil {
		return nil, b.err
	}
	kind, known := o.kinds()[b.kind]
	if !known {
		return nil, fmt.Errorf("there is no kind of backend %q%s", b.kind, suggest(b.kind, o.kinds()))
	}
	return kind(backend.Config{Name: name, Dir: dir, Options: b.options})
}

// duties returns what keeps stores in step with their backends. They end when the rules in force want it otherwise: a
// node whose site file is older does not fight.
func (s *site) duties(o Options, dir string) (duties []hub.Duty, err error) {
	for _, space := range slices.Sorted(maps.Keys(s.Spaces)) {
		for _, channel := range slices.Sorted(maps.Keys(s.Spaces[space].Channels)) {
			name := s.Spaces[space].Channels[channel].Backend
			if name == "" {
				continue
			}
			kept, err := s.Backends[name].open(o, name, dir)
			if err != nil {
				return nil, fmt.Errorf("backend %s: %w", name, err)
			}
			duties = append(duties, hub.Duty{
				Space: space, Name: "backend/" + name, On: s.Backends[name].on,
				While: func(state *channels.State) bool { return state.Rules().Channels[channel].Backend == name },
				Run: func(ctx context.Context, turn hub.Turn) error {
					runner := backend.Runner{
						Name: name, Channel: channel, Backend: kept, Space: turn.Space, Fence: turn.Fence, Report: turn.Report,
						Check: checkValue,
					}
					return runner.Run(ctx)
				},
			})
		}
	}
	return duties, nil
}
