package nemesis

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func TestASeedMakesTheSameSchedule(t *testing.T) {
	make := func(seed uint64) []Step {
		return Schedule(rand.New(rand.NewPCG(seed, 0)), Kinds(true), 5*time.Minute, 0)
	}
	if !reflect.DeepEqual(make(7), make(7)) {
		t.Error("one seed made two schedules")
	}
	if reflect.DeepEqual(make(7), make(8)) {
		t.Error("two seeds made one schedule")
	}
}

func TestEachRoundHasEachKindOnceAndNothingLastsTooLong(t *testing.T) {
	for seed := range uint64(50) {
		names := Kinds(seed%2 == 0)
		steps := Schedule(rand.New(rand.NewPCG(seed, 0)), names, time.Second, 3*time.Second)
		if len(steps) != len(names) {
			t.Fatalf("%d steps of %d kinds", len(steps), len(names))
		}
		seen := map[string]bool{}
		for _, s := range steps {
			if seen[s.Kind] || s.For <= 0 || s.For > 3*time.Second || s.Other != "" && s.Other == s.Target {
				t.Errorf("seed %d: %+v", seed, s)
			}
			seen[s.Kind] = true
		}
	}
}
