package cmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/ldap"
	"github.com/baton-hub/baton/session/oidc"
	"github.com/baton-hub/baton/session/remote"
)

// siteAuthenticator is where people are looked up. What it has beside kind depends on that; the check reads it.
type siteAuthenticator struct {
	Kind     string
	node     *yaml.Node
	settings siteSettings // of a kind that is built in
	options  map[string]json.RawMessage
}

// UnmarshalYAML takes what is there; what is wrong with it is said by the check, with its line.
func (a *siteAuthenticator) UnmarshalYAML(node *yaml.Node) error {
	a.node = node
	if _, kind := lookup(node, "kind"); kind != nil {
		a.Kind = kind.Value
	}
	return nil
}

// siteSettings are what an authenticator of a kind takes: a pointer to a struct with yaml tags, kind among them. Paths in
// it are relative to dir.
type siteSettings interface {
	open(dir string) (way, error)
}

// A way to sign in is one of these.
type way struct {
	password session.Authenticator
	redirect session.Redirector
}

// siteKinds are the kinds of authenticators that are built in.
var siteKinds = map[string]func() siteSettings{
	"dev":  func() siteSettings { return &siteDevUsers{} },
	"file": func() siteSettings { return &siteUserFile{} },
	"ldap": func() siteSettings { return &siteLDAP{} },
	"http": func() siteSettings { return &siteRemote{} },
	"oidc": func() siteSettings { return &siteOIDC{} },
}

type siteDevUsers struct {
	Kind string `yaml:"kind"`
}

func (*siteDevUsers) open(string) (way, error) { return way{password: session.Dev{}}, nil }

type siteUserFile struct {
	Kind string `yaml:"kind"`
	Path string `yaml:"path"`
}

func (s *siteUserFile) open(dir string) (way, error) {
	users, err := session.OpenUserFile(beside(dir, s.Path))
	return way{password: users}, err
}

type siteLDAP struct {
	Kind             string              `yaml:"kind"`
	URLs             []string            `yaml:"urls"`
	StartTLS         bool                `yaml:"start_tls"`
	CAFile           string              `yaml:"ca_file"`
	BindDN           string              `yaml:"bind_dn"`
	BindPasswordFile string              `yaml:"bind_password_file"`
	Base             string              `yaml:"base"`
	Filter           string              `yaml:"filter"`
	User             string              `yaml:"user"`
	Name             string              `yaml:"name"`
	MemberOf         string              `yaml:"member_of"`
	Groups           siteLDAPGroups      `yaml:"groups"`
	Roles            map[string][]string `yaml:"roles"`
	Proposals        siteProposals       `yaml:"proposals"`
	Timeout          *time.Duration      `yaml:"timeout"`
}

type siteLDAPGroups struct {
	Base   string `yaml:"base"`
	Filter string `yaml:"filter"`
}

type siteProposals struct {
	Attribute string `yaml:"attribute"`
	Pattern   string `yaml:"pattern"`
}

func (s *siteLDAP) open(dir string) (way, error) {
	directory, err := ldap.New(ldap.Options{
		URLs: s.URLs, StartTLS: s.StartTLS, CAFile: beside(dir, s.CAFile), BindDN: s.BindDN, PasswordFile: beside(dir, s.BindPasswordFile),
		Base: s.Base, Filter: s.Filter, User: s.User, Name: s.Name, MemberOf: s.MemberOf, Groups: ldap.Groups(s.Groups),
		Roles: s.Roles, Proposals: ldap.Proposals(s.Proposals), Timeout: orDefault(s.Timeout, 0),
	})
	return way{password: directory}, err
}

type siteRemote struct {
	Kind       string         `yaml:"kind"`
	URL        string         `yaml:"url"`
	CAFile     string         `yaml:"ca_file"`
	Header     string         `yaml:"header"`
	HeaderFile string         `yaml:"header_file"`
	Timeout    *time.Duration `yaml:"timeout"`
}

func (s *siteRemote) open(dir string) (way, error) {
	service, err := remote.New(remote.Options{
		URL: s.URL, CAFile: beside(dir, s.CAFile), Header: s.Header, HeaderFile: beside(dir, s.HeaderFile), Timeout: orDefault(s.Timeout, 0),
	})
	return way{password: service}, err
}

type siteOIDC struct {
	Kind             string              `yaml:"kind"`
	Name             string              `yaml:"name"`
	Title            string              `yaml:"title"`
	Issuer           string              `yaml:"issuer"`
	ClientID         string              `yaml:"client_id"`
	ClientSecretFile string              `yaml:"client_secret_file"`
	CAFile           string              `yaml:"ca_file"`
	URL              string              `yaml:"url"`
	Scopes           []string            `yaml:"scopes"`
	Claims           siteClaims          `yaml:"claims"`
	Roles            map[string][]string `yaml:"roles"`
	Pattern          string              `yaml:"pattern"`
	Timeout          *time.Duration      `yaml:"timeout"`
}

type siteClaims struct {
	User      string `yaml:"user"`
	Name      string `yaml:"name"`
	Roles     string `yaml:"roles"`
	Proposals string `yaml:"proposals"`
}

func (s *siteOIDC) open(dir string) (way, error) {
	provider, err := oidc.New(oidc.Options{
		Name: s.Name, Title: s.Title, Issuer: s.Issuer, ClientID: s.ClientID, ClientSecretFile: beside(dir, s.ClientSecretFile),
		CAFile: beside(dir, s.CAFile), URL: s.URL, Scopes: s.Scopes, Claims: oidc.Claims(s.Claims), Roles: s.Roles, Pattern: s.Pattern,
		Timeout: orDefault(s.Timeout, 0),
	})
	return way{redirect: provider}, err
}

// beside is a path that is relative to a folder; "" stays that.
func beside(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// checkAuthenticators notes what is wrong with the authenticators, and reads them.
func (p *siteProblems) checkAuthenticators(all []siteAuthenticator) {
	if len(all) == 0 {
		p.add([]string{"authenticators"}, "nobody can sign in: add an authenticator, such as {kind: file, path: users.yaml}")
	}
	names := map[string]bool{}
	for i := range all {
		path := []string{"authenticators", fmt.Sprint(i)}
		p.checkAuthenticator(path, &all[i])
		if s, ok := all[i].settings.(*siteOIDC); ok && s.Name != "" {
			if p.name(under(path, "name"), "way to sign in", s.Name); names[s.Name] {
				p.add(under(path, "name"), "another authenticator is called %q already", s.Name)
			}
			names[s.Name] = true
		}
	}
}

func (p *siteProblems) checkAuthenticator(path []string, a *siteAuthenticator) {
	own, isOwn := p.own.Authenticators[a.Kind]
	built, isBuilt := siteKinds[a.Kind]
	switch {
	case a.node == nil || a.node.Kind != yaml.MappingNode:
		p.add(path, "an authenticator is written as {kind: file, path: users.yaml}")
	case isOwn:
		p.checkOwnAuthenticator(path, a, own)
	case isBuilt:
		p.checkBuiltAuthenticator(path, a, built())
	default:
		known := map[string]bool{}
		for kind := range siteKinds {
			known[kind] = true
		}
		for kind := range p.own.Authenticators {
			known[kind] = true
		}
		p.add(under(path, "kind"), "there is no kind of authenticator %q%s", a.Kind, suggest(a.Kind, known))
	}
}

func (p *siteProblems) checkOwnAuthenticator(path []string, a *siteAuthenticator, own session.Kind) {
	var text bytes.Buffer
	if err := writeJSON(&text, a.node); err != nil {
		p.add(path, "%v", err)
		return
	}
	if err := json.Unmarshal(text.Bytes(), &a.options); err != nil {
		p.add(path, "%v", err)
		return
	}
	delete(a.options, "kind")
	if _, err := own(a.config(p.dir, slog.New(slog.DiscardHandler))); err != nil {
		p.add(path, "%v", err)
	}
}

func (a *siteAuthenticator) config(dir string, logger *slog.Logger) session.KindConfig {
	return session.KindConfig{Dir: dir, Options: maps.Clone(a.options), Logger: logger}
}

func (p *siteProblems) checkBuiltAuthenticator(path []string, a *siteAuthenticator, settings siteSettings) {
	before := len(p.found)
	p.unknownKeys(a.node, reflect.TypeOf(settings).Elem())
	if err := a.node.Load(settings); err != nil {
		p.wrongTypes(err)
		return
	}
	a.settings = settings
	if len(p.found) > before {
		return
	}
	switch s := settings.(type) {
	case *siteUserFile:
		if s.Path == "" {
			p.add(path, "the file authenticator needs a path, such as users.yaml")
		}
		return // who is in the file is not the site file's
	case *siteLDAP:
		p.checkGroupRoles(under(path, "roles"), s.Roles)
		p.between(under(path, "timeout"), "timeout", s.Timeout, 100*time.Millisecond, time.Minute)
	case *siteOIDC:
		p.checkGroupRoles(under(path, "roles"), s.Roles)
		p.between(under(path, "timeout"), "timeout", s.Timeout, 100*time.Millisecond, time.Minute)
	case *siteRemote:
		p.between(under(path, "timeout"), "timeout", s.Timeout, 100*time.Millisecond, time.Minute)
	}
	_, err := settings.open(p.dir)
	for _, one := range each(err) {
		key, _, _ := strings.Cut(one.Error(), " ") // of what it is about, if it begins with that
		p.add(under(path, strings.TrimSuffix(key, ":")), "%v", one)
	}
}

// each are the errors that were joined.
func each(err error) (all []error) {
	several, ok := err.(interface{ Unwrap() []error })
	switch {
	case err == nil:
		return nil
	case !ok:
		return []error{err}
	}
	for _, one := range several.Unwrap() {
		all = append(all, each(one)...)
	}
	return all
}

// checkGroupRoles notes what is no role among those that groups give.
func (p *siteProblems) checkGroupRoles(path []string, roles map[string][]string) {
	people := maps.Clone(p.roles)
	for _, notARole := range []channels.Right{channels.RightMember, channels.RightOperator, channels.RightOwner} {
		delete(people, notARole)
	}
	for _, group := range slices.Sorted(maps.Keys(roles)) {
		for i, role := range roles[group] {
			if !people[channels.Right(role)] {
				p.add(under(path, group, fmt.Sprint(i)), "%q is not a role%s", role, suggest(role, people))
			}
		}
	}
}

// open makes the authenticator, which the check has looked at.
func (a *siteAuthenticator) open(o Options, dir string, logger *slog.Logger) (way, error) {
	if own := o.Authenticators[a.Kind]; own != nil {
		password, err := own(a.config(dir, logger))
		return way{password: password}, err
	}
	if a.settings == nil {
		return way{}, errors.New("an authenticator of no kind")
	}
	return a.settings.open(dir)
}

// authenticators returns the chain of what the site file names, in its order, and where people sign in elsewhere.
func (s *site) authenticators(o Options, dir string, logger *slog.Logger) (chain session.Chain, elsewhere []session.Redirector, err error) {
	for i := range s.Authenticators {
		a := &s.Authenticators[i]
		one, err := a.open(o, dir, logger)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("the authenticator %s: %w", cmp.Or(a.Kind, "without a kind"), err)
		case one.redirect != nil:
			elsewhere = append(elsewhere, one.redirect)
		default:
			chain = append(chain, one.password)
		}
	}
	return chain, elsewhere, nil
}
