// Command next builds Baton as its next version could be, for the tests that run two versions side by side:
//
//	go run ./next -o ../bin/baton-next
//
// The next version is made of the present source by package overlay. It does what a version may do under the compatibility
// rule (package channels, entry.go): fields, frame types and reserved stores that nobody knows, wherever nodes and clients
// read. With -format it also writes entries and snapshots of a higher format.
//
// A replaced line that is not there any more is an error: then say here how the next version looks now.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/baton-hub/baton/tools/overlay"
)

func main() {
	out := flag.String("o", "", "the file to build")
	root := flag.String("root", "..", "folder of the module")
	format := flag.Int("format", 0, "write entries and snapshots of this format; 0 = of the present one")
	flag.Parse()
	if err := build(*root, *out, *format, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "next: %v\n", err)
		os.Exit(1)
	}
}

// additions are what the next version does beyond the present one, without harm to it.
var additions = []overlay.Edit{
	overlay.Replace("hub/wire/wire.go", "body, err := encode(f)\n", "body, err := encodeNext(f)\n"),
	overlay.Replace("hub/gather.go", "func (p *parcel) add(frame []byte) {\n", "func (p *parcel) add(frame []byte) {\n\tp.begin()\n"),
	overlay.Replace("channels/flight.go", "data: b.encode(), ", "data: entryOfNext(b), "),
	overlay.Replace("channels/snapshot.go", "err = out.Encode(l)\n", "err = out.Encode(lineNext{l, later})\n"),
	overlay.Replace("channels/housekeeping.go", "rulesKey}, rules)\n", "rulesKey}, rulesNext(rules))\n"),
	overlay.Replace("channels/space.go", "\tgo s.run(runCtx)\n", "\tgo s.run(runCtx)\n\tgo s.checkpointOften(runCtx)\n"),
}

// otherFormat are the further edits with which it reads the formats up to its own, and writes its own.
func otherFormat(format int) []overlay.Edit {
	return []overlay.Edit{
		overlay.Replace("channels/entry.go", "const EntryVersion = 1\n", fmt.Sprintf("const EntryVersion = %d\n", format)),
		overlay.Replace("channels/entry.go", "e.Version != EntryVersion", "e.Version > EntryVersion"),
		overlay.Replace("channels/snapshot_read.go", "l.Head.Version != EntryVersion", "l.Head.Version > EntryVersion"),
	}
}

// added are the files of the next version. Where they go is in their names.
//
//go:embed added
var added embed.FS

// build compiles the next version.
func build(root, out string, format int, stderr io.Writer) error {
	if out == "" {
		return errors.New("say what to build: -o FILE")
	}
	v, err := version(format)
	if err != nil {
		return err
	}
	return v.Build(root, out, stderr)
}

// version is the next one; of another format if that is not 0.
func version(format int) (overlay.Version, error) {
	v := overlay.Version{Name: "next", Edits: additions, Files: map[string]string{}}
	if format != 0 {
		v.Edits = append(additions[:len(additions):len(additions)], otherFormat(format)...)
	}
	entries, err := added.ReadDir("added")
	if err != nil {
		return v, err
	}
	for _, entry := range entries {
		data, err := added.ReadFile("added/" + entry.Name())
		if err != nil {
			return v, err
		}
		place := strings.ReplaceAll(strings.TrimSuffix(entry.Name(), ".go.txt"), "-", "/")
		v.Files[place+"/next.go"] = string(data)
	}
	return v, nil
}
