// Package mutants has Batons with one fault built in, each with a scene that brings it to light: what a few people do with
// two hubs on one NATS server. The history of the scene goes through the checkers of package check. Played with a mutant it
// has to turn the checker red that is meant for it, or that checker proves nothing; played with Baton as it is, it has to be
// green, or it is the scene that is wrong.
//
// All mutants are one program, which an overlay (package overlay) makes of the present source: every edit asks whether it is
// the mutant that the environment names. So they cost one build, and an edit that does not fit any more fails all of them.
package mutants

import (
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/baton-hub/baton/tools/overlay"
)

// A Mutant is a fault, and how it is found.
type Mutant struct {
	Name    string
	Promise string // that has to be found broken
	Fault   string // what is wrong with it, in few words
	space   string // of the scene; "" = lab
	scene   func(*play)
	edits   []overlay.Edit
	files   map[string]string // that it adds
}

// environment names the mutant that a hub is.
const environment = "BATON_MUTANT"

// asks is the file that is added to each package that has mutants.
const asks = `package %s

import "os"

// mutant reports whether this hub has the fault.
func mutant(name string) bool { return mutantNamed == name }

var mutantNamed = os.Getenv(%q)
`

// Build compiles the program of all mutants from the module in root.
func Build(root, out string, stderr io.Writer) error { return version().Build(root, out, stderr) }

func version() overlay.Version {
	v := overlay.Version{Name: "mutants", Files: map[string]string{}}
	for _, m := range Mutants {
		v.Edits = append(v.Edits, m.edits...)
		maps.Copy(v.Files, m.files)
	}
	for _, e := range v.Edits {
		dir := e.File[:strings.LastIndex(e.File, "/")]
		v.Files[dir+"/mutant.go"] = fmt.Sprintf(asks, dir[strings.LastIndex(dir, "/")+1:], environment)
	}
	return v
}
