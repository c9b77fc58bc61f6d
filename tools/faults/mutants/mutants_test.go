package mutants

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheMutantsCanBeMadeOfThePresentSource(t *testing.T) {
	if _, err := version().Lay("../../..", t.TempDir()); err != nil {
		t.Error(err)
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
