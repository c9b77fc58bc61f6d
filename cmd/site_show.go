package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// filled returns the site with what it does not say: the defaults, and what presets stand for. It is a site file that
// means the same.
func (s *site) filled() *site {
	all := *s
	all.Limits = s.Limits.filled()
	all.Spaces = maps.Clone(s.Spaces)
	for name, space := range all.Spaces {
		space.fill()
		all.Spaces[name] = space
	}
	return &all
}

func (s *siteSpace) fill() {
	p := s.policy().Filled()
	linger := max(p.Linger, 0)
	s.Login = siteLogin{
		OtherUser: p.OtherUser, SameUser: p.SameUser, Logout: p.Logout, Idle: &p.Idle, IdleInput: given(p.IdleInput), Absolute: &p.Absolute,
	}
	if s.Busy == nil && p.Logout == session.RefusedWhileRunning {
		s.Login.Logout = "" // it never runs: this says nothing, and the check would ask when it does
	}
	s.Control = siteControl{Grace: &p.Grace, Linger: &linger, Take: p.Take, OnLost: &siteOnLost{word: "keep"}}
	if p.OnLost.Call != "" {
		s.Control.OnLost = &siteOnLost{Call: p.OnLost.Call, At: p.OnLost.At}
	}
	s.Channels, s.Commands = maps.Clone(s.Channels), maps.Clone(s.Commands)
	for name, c := range s.Channels {
		rules := c.rules()
		c.Read = rules.Readers()
		if c.Kind == channels.KindStore && c.Scope == "" {
			c.Scope = channels.ScopeSpace
		}
		if c.Scope == channels.ScopeUser || c.Scope == channels.ScopeGroup {
			c.ReadAll = rules.ReadersOfAll()
		}
		if c.Kind == channels.KindLog && c.Keep == 0 {
			c.Keep = channels.DefaultKeep
		}
		s.Channels[name] = c
	}
	for name, c := range s.Commands {
		c.Serve = c.rules().Servers()
		s.Commands[name] = c
	}
}

func given(d time.Duration) *time.Duration {
	if d == 0 {
		return nil
	}
	return &d
}

// yaml is the site as a site file.
func (s *site) yaml(o Options) ([]byte, error) {
	node, err := (&siteWriter{o}).node(reflect.ValueOf(*s), "")
	if err != nil {
		return nil, err
	}
	return yaml.Dump(node, yaml.WithIndent(2))
}

// A siteWriter writes a site as YAML, in the order of its types, without what is not given, and without secrets.
type siteWriter struct{ own Options }

func (w *siteWriter) node(v reflect.Value, path string) (*yaml.Node, error) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch value := v.Interface().(type) {
	case time.Duration:
		return scalar(briefly(value)), nil
	case siteJSON:
		return ofJSON(value.value)
	case siteBackend:
		return w.backend(value)
	case siteAuthenticator:
		return w.authenticator(value)
	case siteOnLost:
		if value.word != "" {
			return scalar(value.word), nil
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		return w.mapping(v, path)
	case reflect.Map:
		return w.table(v, path)
	case reflect.Slice:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			one, err := w.node(v.Index(i), path+".*")
			if err != nil {
				return nil, err
			}
			if one.Kind == yaml.ScalarNode {
				list.Style = yaml.FlowStyle
			}
			list.Content = append(list.Content, one)
		}
		return list, nil
	}
	node := &yaml.Node{}
	return node, node.Encode(v.Interface())
}

func (w *siteWriter) mapping(v reflect.Value, path string) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if name == "" || v.Field(i).IsZero() {
			continue
		}
		below := strings.TrimPrefix(path+"."+name, ".")
		value := scalar("(secret)")
		if !siteEntries[below].secret {
			var err error
			if value, err = w.node(v.Field(i), below); err != nil {
				return nil, err
			}
		}
		if len(value.Content) > 0 || value.Kind == yaml.ScalarNode {
			node.Content = append(node.Content, scalar(name), value)
		}
	}
	return node, nil
}

func (w *siteWriter) table(v reflect.Value, path string) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		value, err := w.node(v.MapIndex(key), path+".*")
		if err != nil {
			return nil, err
		}
		node.Content = append(node.Content, scalar(key.String()), value)
	}
	return node, nil
}

// backend writes a backend: what kinds of one's own take may be secret, so only what is known not to be is shown.
func (w *siteWriter) backend(b siteBackend) (*yaml.Node, error) {
	node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{scalar("kind"), scalar(b.kind)}}
	if b.on != "" {
		node.Content = append(node.Content, scalar("on"), scalar(b.on))
	}
	for _, name := range slices.Sorted(maps.Keys(b.options)) {
		value := scalar("(not shown)")
		if _, known := siteEntries["backends."+b.kind+"."+name]; known {
			var err error
			if value, err = ofJSON(b.options[name]); err != nil {
				return nil, err
			}
		}
		node.Content = append(node.Content, scalar(name), value)
	}
	return node, nil
}

// authenticator writes an authenticator: likewise.
func (w *siteWriter) authenticator(a siteAuthenticator) (*yaml.Node, error) {
	if a.settings != nil {
		return w.mapping(reflect.ValueOf(a.settings).Elem(), "authenticators."+a.Kind)
	}
	node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{scalar("kind"), scalar(a.Kind)}}
	for _, name := range slices.Sorted(maps.Keys(a.options)) {
		node.Content = append(node.Content, scalar(name), scalar("(not shown)"))
	}
	return node, nil
}

func scalar(text string) *yaml.Node {
	node := &yaml.Node{}
	_ = node.Encode(text) // text always can be
	return node
}

// ofJSON is JSON as YAML, on one line; JSON is YAML already.
func ofJSON(data json.RawMessage) (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		return nil, fmt.Errorf("writing %.100s: %w", data, err)
	}
	return document(&root), nil
}

// briefly is a duration without parts that are nothing: 24h, not 24h0m0s.
func briefly(d time.Duration) string {
	text := d.String()
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}
