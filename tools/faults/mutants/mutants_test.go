package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-hub/baton/tools/faults/check"
)

func TestTheMutantsCanBeMadeOfThePresentSource(t *testing.T) {
	if _, err := version().Lay("../../..", t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestTheREADMEHasEachMutantAndEachChecker(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range Mutants {
		found[m.Promise] = true
		if row := fmt.Sprintf("| %s | %s | %s |\n", m.Name, m.Fault, m.Promise); !strings.Contains(string(text), row) {
			t.Errorf("it has no row %s", row)
		}
	}
	for _, c := range check.Checkers {
		if !found[c.Promise] {
			t.Errorf("no mutant is for %s", c.Promise)
		}
		if !strings.Contains(string(text), fmt.Sprintf("| %s %s | ", c.Promise, c.Says)) || !strings.Contains(string(text), "| "+c.Reads+" |\n") {
			t.Errorf("it does not say that %s %s goes by %s", c.Promise, c.Says, c.Reads)
		}
	}
}

func TestEachMutantIsFoundByItsCheckerAndBatonIsGreen(t *testing.T) {
	program := filepath.Join(t.TempDir(), "baton-mutants")
	if err := Build("../../..", program, os.Stderr); err != nil {
		t.Fatal(err)
	}
	for _, m := range Mutants {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel() // a scene is mostly waiting
			if err := m.Found(t.Context(), "../../../bin", program, t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}
