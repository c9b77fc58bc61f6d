package main

import "testing"

// If this fails, the source has changed where the next version differs: say in `additions` how it looks now.
func TestTheNextVersionCanBeMadeOfThePresentSource(t *testing.T) {
	for name, format := range map[string]int{"the present": 0, "another": 2} {
		v, err := version(format)
		if err == nil {
			_, err = v.Lay("../..", t.TempDir())
		}
		if err != nil {
			t.Errorf("of %s format: %v", name, err)
		}
	}
}
