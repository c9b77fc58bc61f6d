package cmd

import (
	_ "embed"
	"fmt"
	"os"
	"time"

	"github.com/baton-hub/baton/channels"
)

//go:embed site-dev.yaml
var siteDev []byte

//go:embed site-example.yaml
var siteExample []byte

// A site is the site file: which spaces there are, and their rules.
type site struct {
	Version        int                    `yaml:"version"`
	Title          string                 `yaml:"title"`
	Roles          []string               `yaml:"roles"`   // the site's own, beside user, staff, admin and service
	CORS           []string               `yaml:"cors"`    // origins whose pages may use the API
	Proxies        []string               `yaml:"proxies"` // networks of the proxies in front, whose X-Forwarded-For is believed
	Limits         siteLimits             `yaml:"limits"`
	Spaces         map[string]siteSpace   `yaml:"spaces"`
	Backends       map[string]siteBackend `yaml:"backends"`
	Authenticators []siteAuthenticator    `yaml:"authenticators"`
	Issuers        []siteIssuer           `yaml:"issuers"` // others, whose JWTs are taken for tokens
}

type siteSpace struct {
	Title    string                 `yaml:"title"`
	Listed   *bool                  `yaml:"listed"` // whether who is not signed in is told of it; default yes
	Admit    []string               `yaml:"admit"`  // the roles of which somebody needs one to sign in; default: any
	Login    siteLogin              `yaml:"login"`
	Control  siteControl            `yaml:"control"`
	Busy     *siteBusy              `yaml:"busy"`
	Channels map[string]siteChannel `yaml:"channels"`
	Commands map[string]siteCommand `yaml:"commands"`
	Tasks    map[string]siteTask    `yaml:"tasks"`
}

type siteChannel struct {
	Kind    channels.Kind       `yaml:"kind"`
	Scope   channels.Scope      `yaml:"scope"`
	Live    bool                `yaml:"live"`
	Write   []channels.Right    `yaml:"write"`
	Read    []channels.Right    `yaml:"read"`
	ReadAll []channels.Right    `yaml:"read_all"`
	Keep    int                 `yaml:"keep"`
	KeepFor *time.Duration      `yaml:"keep_for"`
	Default map[string]siteJSON `yaml:"default"`
	Schema  *siteJSON           `yaml:"schema"` // or the path of a file, which check reads
	Backend string              `yaml:"backend"`
}

type siteCommand struct {
	Call     []channels.Right `yaml:"call"`
	Serve    []channels.Right `yaml:"serve"`
	Stop     bool             `yaml:"stop"`
	Args     *siteJSON        `yaml:"args"` // schemas, or their paths
	Progress *siteJSON        `yaml:"progress"`
	Result   *siteJSON        `yaml:"result"`
	Deadline *time.Duration   `yaml:"deadline"`
}

// readSite reads the site file; path "" means the one that is built in for --dev. A file that cannot be used is a
// configError that names everything wrong with it.
func (o Options) readSite(path string) (*site, error) {
	if path == "" {
		return o.parseSite("site-dev.yaml", siteDev)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, configError{fmt.Errorf("reading the site file: %w", err)}
	}
	return o.parseSite(path, data)
}

// unlisted reports whether who is not signed in is not told of the space.
func (s siteSpace) unlisted() bool { return !orDefault(s.Listed, true) }

// needsDev reports whether the site may only be served with --dev.
func (s *site) needsDev() bool {
	for _, a := range s.Authenticators {
		if a.Kind == "dev" {
			return true
		}
	}
	return false
}

// rules returns the rules of a space as they go into its log.
func (s *site) rules(space string) (channels.Rules, error) {
	from := s.Spaces[space]
	r := channels.Rules{
		Version: s.Version, Title: from.Title,
		Channels: map[string]channels.ChannelRules{}, Commands: map[string]channels.CommandRules{},
	}
	for name, c := range from.Channels {
		r.Channels[name] = c.rules()
	}
	for name, c := range from.Commands {
		r.Commands[name] = c.rules()
	}
	r.Policy = from.policy().Filled().JSON()
	return r, nil
}

func (c siteChannel) rules() channels.ChannelRules {
	return channels.ChannelRules{
		Kind: c.Kind, Scope: c.Scope, Live: c.Live, Write: c.Write, Read: c.Read, ReadAll: c.ReadAll, Keep: c.Keep,
		KeepFor: orDefault(c.KeepFor, 0).Milliseconds(), Default: rawAll(c.Default), Schema: c.Schema.raw(), Backend: c.Backend,
	}
}

func (c siteCommand) rules() channels.CommandRules {
	return channels.CommandRules{
		Call: c.Call, Serve: c.Serve, Stop: c.Stop, Args: c.Args.raw(), Progress: c.Progress.raw(), Result: c.Result.raw(),
		Deadline: orDefault(c.Deadline, 0).Milliseconds(),
	}
}

func orDefault[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}
