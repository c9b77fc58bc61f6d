package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels"
)

// siteProblems collects what is wrong with a site file, so that all of it is said at once.
type siteProblems struct {
	own   Options // what the site's own binary adds
	dir   string  // of the site file
	root  *yaml.Node
	roles map[channels.Right]bool // every word that a list of rights can hold
	found []siteProblem
}

type siteProblem struct {
	line int // 0: of the whole file
	text string
}

// parseSite reads a site file strictly: unknown keys, values of another type and rules that contradict themselves are
// refused, all at once, each with its line.
func (o Options) parseSite(name string, data []byte) (*site, error) {
	p := &siteProblems{own: o, dir: filepath.Dir(name), root: &yaml.Node{}}
	if err := yaml.Load(data, p.root); err != nil {
		return nil, configError{fmt.Errorf("%s: %w", name, err)}
	}
	s := &site{}
	p.unknownKeys(p.root, reflect.TypeFor[site]())
	if err := yaml.Load(data, s); err != nil {
		p.wrongTypes(err)
	} else {
		p.check(s)
	}
	return s, p.err(name)
}

func (p *siteProblems) err(name string) error {
	if len(p.found) == 0 {
		return nil
	}
	slices.SortStableFunc(p.found, func(a, b siteProblem) int { return cmp.Compare(a.line, b.line) })
	var all []error
	for _, f := range p.found {
		if f.line == 0 {
			all = append(all, fmt.Errorf("%s: %s", name, f.text))
			continue
		}
		all = append(all, fmt.Errorf("%s:%d: %s", name, f.line, f.text))
	}
	return configError{errors.Join(all...)}
}

// add notes a problem with what is at the path, or at the nearest thing above it that the file has.
func (p *siteProblems) add(path []string, format string, args ...any) {
	p.found = append(p.found, siteProblem{line: p.lineOf(path), text: fmt.Sprintf(format, args...)})
}

func (p *siteProblems) lineOf(path []string) int {
	node, line := document(p.root), 0
	for _, name := range path {
		key, value := lookup(node, name)
		if key == nil {
			break
		}
		node, line = value, key.Line
	}
	return line
}

func lookup(node *yaml.Node, name string) (key, value *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for i, value := range node.Content {
			if name == fmt.Sprint(i) {
				return value, value
			}
		}
	}
	return nil, nil
}

// unknownKeys notes every key that the type has no field for, and the field that may have been meant.
func (p *siteProblems) unknownKeys(node *yaml.Node, t reflect.Type) {
	node = document(node)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[siteJSON](), t == reflect.TypeFor[siteBackend](), t == reflect.TypeFor[siteAuthenticator]():
		return // they read themselves
	case node.Kind == yaml.AliasNode:
		p.found = append(p.found, siteProblem{node.Line, "aliases are not used in a site file: write it out"})
	case node.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		for _, value := range node.Content {
			p.unknownKeys(value, t.Elem())
		}
	case node.Kind != yaml.MappingNode:
	case t.Kind() == reflect.Map:
		for i := 1; i < len(node.Content); i += 2 {
			p.unknownKeys(node.Content[i], t.Elem())
		}
	case t.Kind() == reflect.Struct:
		fields := map[string]reflect.Type{}
		for i := range t.NumField() {
			fields[t.Field(i).Tag.Get("yaml")] = t.Field(i).Type
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			field, known := fields[key.Value]
			if !known {
				p.found = append(p.found, siteProblem{key.Line, fmt.Sprintf("there is no key %q here%s", key.Value,
					suggest(key.Value, fields))})
				continue
			}
			p.unknownKeys(node.Content[i+1], field)
		}
	}
}

// wrongTypes notes what could not be read as what it has to be.
func (p *siteProblems) wrongTypes(err error) {
	var several *yaml.LoadErrors
	if !errors.As(err, &several) {
		p.found = append(p.found, siteProblem{0, err.Error()})
		return
	}
	for _, e := range several.Errors {
		text := strings.TrimPrefix(e.Message, "yaml: ")
		text = strings.ReplaceAll(text, "into time.Duration", "into a duration, such as 30s")
		text = strings.ReplaceAll(strings.ReplaceAll(text, "main.", ""), "channels.", "")
		p.found = append(p.found, siteProblem{e.Mark.Line, text})
	}
}

func document(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		return node.Content[0]
	}
	return node
}

// suggest returns ": did you mean …?" when a known name is near, else which names are known.
func suggest[K ~string, V any](name string, known map[K]V) string {
	var names []string
	best, nearest := 3, "" // up to two letters differ
	for k := range known {
		names = append(names, string(k))
	}
	slices.Sort(names)
	for _, k := range names {
		if d := distance(strings.ToLower(name), k); d < best && d < len(k) {
			best, nearest = d, k
		}
	}
	if nearest != "" {
		return fmt.Sprintf(": did you mean %q?", nearest)
	}
	return ": use " + strings.Join(names, ", ")
}

// distance returns how many letters have to be changed, added or left out to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
