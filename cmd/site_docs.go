package cmd

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A siteDocs writes the reference of the site file.
type siteDocs struct {
	own Options
	b   strings.Builder
}

// reference is the reference of the site file, in Markdown: every key with its default and why.
func (o Options) reference() string {
	d := &siteDocs{own: o}
	d.b.WriteString(`# The site file

YAML. Unknown keys, values of another type and rules that contradict themselves are refused, all at once, each with its
line: ` + "`baton config check site.yaml`" + `. ` + "`baton config example`" + ` prints a file that explains itself, ` + "`baton config show site.yaml`" + ` one
with all that it does not say, and ` + "`baton config schema`" + ` a JSON Schema for editors.

After SIGHUP, a running hub goes by the file as it is then, but for the keys that need a restart.

A duration is written as 30s, 10m or 24h. NAME is a name of your own: small letters, digits and, between them, . _ -
`)
	d.section("", siteKeys(reflect.TypeFor[site](), ""), "")
	return d.b.String()
}

// section writes a table of the keys of a struct, then those of the structs in it.
func (d *siteDocs) section(heading string, keys []siteKey, path string) {
	if heading != "" {
		fmt.Fprintf(&d.b, "\n## %s\n", heading)
	}
	if e, ok := siteEntries[path]; ok {
		fmt.Fprintf(&d.b, "\n%s\n", e.about)
	}
	d.b.WriteString("\n| key | is | default | |\n|---|---|---|---|\n")
	for _, key := range keys {
		d.row(key)
	}
	for _, key := range keys {
		d.below(key)
	}
}

func (d *siteDocs) row(key siteKey) {
	e := siteEntries[key.path]
	standard := ""
	switch {
	case e.must:
		standard = "*has to be given*"
	case e.standard != "":
		standard = "`" + e.standard + "`"
	}
	about := e.about
	if needsRestart(key.path) {
		about += " *Needs a restart.*"
	}
	fmt.Fprintf(&d.b, "| `%s` | %s | %s | %s |\n", key.name, d.is(key.typed, e), standard, about)
}

// is says in a few words what a value is.
func (d *siteDocs) is(t reflect.Type, e siteEntry) string {
	switch {
	case len(e.words) > 0:
		return strings.Join(e.words, ", ")
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case t == reflect.TypeFor[siteJSON]():
		return "JSON"
	case t == reflect.TypeFor[channels.Right]():
		return "right"
	case t == reflect.TypeFor[siteOnLost]():
		return "keep, or keys"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + d.is(bare(t.Elem()), siteEntry{})
	case reflect.Map:
		return "by name"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "number"
	case reflect.Struct:
		return "keys"
	}
	return "text"
}

// below writes the sections of what is in a key.
func (d *siteDocs) below(key siteKey) {
	t, path, heading := key.typed, key.path, strings.ReplaceAll(key.path, "*", "NAME")
	switch t.Kind() {
	case reflect.Map:
		t, path, heading = bare(t.Elem()), path+".*", heading+".NAME"
	case reflect.Slice:
		t, path = bare(t.Elem()), path+".*"
	}
	kinded, ok := d.own.kinded(t)
	switch {
	case ok:
		d.section(heading, siteKeys(kinded.common, path), path)
		base, _ := strings.CutSuffix(path, ".*")
		for _, kind := range slices.Sorted(maps.Keys(kinded.kinds)) {
			if keys := kinded.keys(kind, base); len(keys) > 0 {
				d.section(fmt.Sprintf("%s, kind: %s", heading, kind), keys, base+"."+kind)
			}
		}
	case t.Kind() == reflect.Struct && t != reflect.TypeFor[siteJSON]():
		d.section(heading, siteKeys(t, path), path)
	}
}

// needsRestart reports whether a key, or what it is in, is none of those that are reloaded.
func needsRestart(path string) bool {
	parts := strings.Split(path, ".")
	depth := 1
	if parts[0] == "spaces" {
		depth = 3
	}
	return len(parts) == depth && path != "spaces" && !reloaded[path]
}
