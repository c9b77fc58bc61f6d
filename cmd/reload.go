package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/session"
)

// reloadTime is how long a reload waits for the log.
const reloadTime = 20 * time.Second

// settings are what a site file says of that which can change while the hub runs.
func (n *node) settings(s *site) (hub.Settings, error) {
	sign, elsewhere, err := n.authenticators(s)
	if err != nil {
		return hub.Settings{}, err
	}
	outside, err := s.outside(filepath.Dir(n.options.Config))
	if err != nil {
		return hub.Settings{}, err
	}
	settings := hub.Settings{
		Title: s.Title, Titles: map[string]string{}, Origins: s.CORS, Proxies: s.proxies(), Roles: append([]string{}, s.Roles...), Sign: sign, Outside: outside,
		Redirects: elsewhere,
	}
	for name, space := range s.Spaces {
		settings.Titles[name] = space.Title
	}
	if s.needsDev() {
		settings.DevUsers = (session.Dev{}).Users()
	}
	return settings, nil
}

// reload reads the site file again and goes by it, without closing a connection. If anything in it is wrong, all of that is
// logged, and the hub goes on as before. What the hub cannot change while it runs is named in one line.
func (n *node) reload(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, reloadTime)
	defer cancel()
	was := n.site.Load()
	now, settings, err := n.reread()
	if err == nil {
		err = n.hub.Change(settings)
	}
	if err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			n.logger.Error("the site file cannot be used", "problem", line)
		}
		n.logger.Error("the hub goes on with the site file that it had", "version", was.Version)
		return
	}
	n.site.Store(now)
	for _, name := range slices.Sorted(maps.Keys(now.Spaces)) {
		if _, served := n.began.Spaces[name]; served {
			n.putInForce(ctx, name, now)
		}
	}
	n.logger.Info("the site file is in use", "version", now.Version, "before", was.Version)
	if restart := needRestart(n.began, now); len(restart) > 0 {
		n.logger.Warn("some of the site file needs a restart of this node", "needs_restart", strings.Join(restart, ", "))
	}
}

// reread reads the site file, and refuses one that cannot follow the one in use.
func (n *node) reread() (now *site, settings hub.Settings, err error) {
	if n.options.Config == "" {
		return nil, settings, errors.New("there is no site file to read again: it is built in, see --config")
	}
	if now, err = n.own.readSite(n.options.Config); err != nil {
		return nil, settings, err
	}
	if now.needsDev() && !n.options.Dev {
		return nil, settings, errors.New("the dev authenticator is for --dev only: everybody knows its passwords")
	}
	if err := mayFollow(n.site.Load(), now); err != nil {
		return nil, settings, err
	}
	settings, err = n.settings(now)
	return now, settings, err
}

// mayFollow refuses rules that would not be put in force, because their version has been used.
func mayFollow(was, now *site) error {
	if now.Version > was.Version {
		return nil
	}
	if now.Version < was.Version {
		return fmt.Errorf("version has gone back from %d to %d, and rules come into force with a higher one only: make it %d",
			was.Version, now.Version, was.Version+1)
	}
	for _, name := range slices.Sorted(maps.Keys(now.Spaces)) {
		if _, both := was.Spaces[name]; !both {
			continue
		}
		before, err := was.rules(name)
		if err != nil {
			return err
		}
		after, err := now.rules(name)
		if err != nil {
			return err
		}
		if !before.Same(&after) {
			return fmt.Errorf("the rules of the space %s are others, and version is still %d: make it %d", name, was.Version, was.Version+1)
		}
	}
	return nil
}

// putInForce puts the rules of a space in force. If the log is away the hub goes on with those in force, and the site file
// is the right one all the same: the next reload tries again.
func (n *node) putInForce(ctx context.Context, name string, now *site) {
	rules, err := now.rules(name)
	var space *channels.Space
	if err == nil {
		space, err = n.hub.Space(ctx, name)
	}
	if err == nil {
		err = space.PutInForce(ctx, &rules)
	}
	if err == nil {
		err = space.Problem()
	}
	if err != nil {
		n.logger.Error("the rules are not in force: send SIGHUP once more when that is mended", "space", name, "error", err)
	}
}

// reloaded are the keys of the site file that a reload puts in use; a restart is needed for all others.
var reloaded = map[string]bool{
	"version": true, "title": true, "roles": true, "cors": true, "proxies": true, "authenticators": true, "issuers": true,
	"spaces.*.title": true, "spaces.*.listed": true, "spaces.*.admit": true, "spaces.*.login": true, "spaces.*.control": true, "spaces.*.busy": true, "spaces.*.channels": true,
	"spaces.*.commands": true,
}

// needRestart names what a node that began with one site file does not do of another one.
func needRestart(began, now *site) (keys []string) {
	keys = otherwise(reflect.ValueOf(*began), reflect.ValueOf(*now), "", "")
	for name := range began.Spaces {
		if _, still := now.Spaces[name]; !still {
			keys = append(keys, "spaces."+name+" (is gone)")
		}
	}
	for name, space := range now.Spaces {
		before, served := began.Spaces[name]
		if !served {
			keys = append(keys, "spaces."+name+" (is new)")
			continue
		}
		path := "spaces." + name + "."
		keys = append(keys, otherwise(reflect.ValueOf(before), reflect.ValueOf(space), "spaces.*.", path)...)
		for channel, c := range space.Channels {
			if c.Backend != before.Channels[channel].Backend && c.Backend != "" {
				keys = append(keys, path+"channels."+channel+".backend")
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// otherwise lists the keys of a struct whose values differ and are not reloaded.
func otherwise(before, now reflect.Value, pattern, path string) (keys []string) {
	for i := range before.NumField() {
		key := before.Type().Field(i).Tag.Get("yaml")
		if pattern+key == "spaces" || reloaded[pattern+key] || reflect.DeepEqual(before.Field(i).Interface(), now.Field(i).Interface()) {
			continue
		}
		keys = append(keys, path+key)
	}
	return keys
}
