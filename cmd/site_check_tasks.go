package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/baton-hub/baton/channels"
)

// checkTask notes what is wrong with a task. It calls with the right of a service.
func (p *siteProblems) checkTask(path []string, name string, t siteTask, s siteSpace) {
	if t.On != "" {
		p.name(under(path, "on"), "label", t.On)
	}
	switch builtins := p.own.builtins(); {
	case (t.Call == "") == (t.Run == ""):
		p.add(path, "a task calls a command, such as call: sample.refresh, or runs something, such as run: checkpoint; one of them")
		return
	case t.Run != "" && builtins[t.Run] == nil:
		p.add(under(path, "run"), "there is nothing %q to run%s", t.Run, suggest(t.Run, builtins))
		return
	case t.Run != "" && t.Args != nil:
		p.add(under(path, "args"), "args are for a command; %s takes none", t.Run)
	}
	if t.Call != "" {
		p.checkTaskCall(path, t, s.Commands)
	}
	task := t.task(p.own, "", name)
	task.On = ""
	if channels.CheckName(name) != nil {
		return // has been said
	}
	if err := task.Check(); err != nil {
		p.add(path, "%v", err)
	}
}

func (p *siteProblems) checkTaskCall(path []string, t siteTask, commands map[string]siteCommand) {
	c, known := commands[t.Call]
	task := channels.Who{Roles: []string{channels.RoleService}}
	switch {
	case !known:
		p.add(under(path, "call"), "this space has no command %q%s", t.Call, suggest(t.Call, commands))
		return
	case c.Stop:
		p.add(under(path, "call"), "%q is a stop: it is for people who see something go wrong, not for a task", t.Call)
	case !channels.Permits(c.Call, task):
		p.add(under(path, "call"), "a task calls as a service, and %q is for %v only: add service to its call", t.Call, c.Call)
	}
	switch {
	case t.Args != nil && t.Args.err != nil:
		p.add(under(path, "args"), "args: %v", t.Args.err)
	case c.Args != nil && c.Args.err == nil:
		p.fits(under(path, "args"), "args", c.Args.raw(), t.Args.raw())
	}
}

// checkBackends notes what is wrong with the backends and who uses them.
func (p *siteProblems) checkBackends(s *site) {
	files := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Backends)) {
		path := []string{"backends", name}
		p.name(path, "backend", name)
		b := s.Backends[name]
		if b.on != "" {
			p.name(under(path, "on"), "label", b.on)
		}
		if _, err := b.open(p.own, name, p.dir); err != nil {
			p.add(path, "%v", err)
			continue
		}
		if file := b.file(p.dir); file != "" && files[file] != "" {
			p.add(path, "the backend %q keeps its values in that file already, and each would take the other's for edits: choose another path", files[file])
		} else {
			files[file] = name
		}
	}
	users := map[string]string{}
	for _, space := range slices.Sorted(maps.Keys(s.Spaces)) {
		for _, name := range slices.Sorted(maps.Keys(s.Spaces[space].Channels)) {
			used := s.Spaces[space].Channels[name].Backend
			path := []string{"spaces", space, "channels", name, "backend"}
			_, known := s.Backends[used]
			switch {
			case used == "":
			case !known && len(s.Backends) == 0:
				p.add(path, "there is no backend %q: add it under backends, such as %s: {kind: jsonfile, path: %s.json}", used, used, used)
			case !known:
				p.add(path, "there is no backend %q%s", used, suggest(used, s.Backends))
			case users[used] != "":
				p.add(path, "the backend %q keeps %s already, and keeps one store: add another", used, users[used])
			default:
				users[used] = fmt.Sprintf("%s of %s", name, space)
			}
		}
	}
}

// file returns where a jsonfile keeps its values, "" if the backend is of another kind. It is the same for all ways of
// writing the path.
func (b siteBackend) file(dir string) (path string) {
	if b.kind != "jsonfile" || json.Unmarshal(b.options["path"], &path) != nil {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(folder, filepath.Base(path))
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	return path
}

// asSent returns an origin as a browser sends it: in lower case, and without the port that its scheme has anyway.
func asSent(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":")
}

// checkOrigins notes what is no origin of a page.
func (p *siteProblems) checkOrigins(origins []string) {
	for i, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != origin {
			p.add([]string{"cors", fmt.Sprint(i)}, "%q is not an origin: give scheme and host, such as https://ui.example.org, without a path", origin)
			continue
		}
		if sent := asSent(u); sent != origin {
			p.add([]string{"cors", fmt.Sprint(i)}, "no browser sends %q as an origin: write %s", origin, sent)
		}
	}
}
