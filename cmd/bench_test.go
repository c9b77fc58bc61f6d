package cmd

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/baton-hub/baton/cmd/bench"
)

// measured runs bench with so little of everything that it is soon over.
func measured(t *testing.T, args ...string) (bench.Report, result) {
	t.Helper()
	t.Setenv(asBaton, "1") // its children are this test binary
	r := baton(t, nil, "", append([]string{"bench", "--json", "-", "--quick", "--rounds", "1", "--duration", "100ms", "--connections", "20"}, args...)...)
	var report bench.Report
	decoder := json.NewDecoder(strings.NewReader(r.out))
	decoder.DisallowUnknownFields()
	if r.code != exitUsage {
		if err := decoder.Decode(&report); err != nil {
			t.Fatalf("%v in the report of a run that said %s", err, r.errors)
		}
	}
	return report, r
}

func TestBenchFindsNothingMissingAndNothingTwice(t *testing.T) {
	report, r := measured(t)
	if r.code != 0 {
		t.Fatalf("it exits with %d: %s", r.code, r.errors)
	}
	if report.Format != bench.Format || len(report.Scenarios) != len(bench.Names()) {
		t.Fatalf("the report is %+v", report)
	}
	for i, s := range report.Scenarios {
		if s.Name != bench.Names()[i] || s.Hub == nil || len(s.Turns) == 0 {
			t.Fatalf("scenario %d is %+v", i, s)
		}
		for _, turn := range s.Turns {
			if turn.Delivered == 0 || turn.Lost+turn.Duplicated > 0 {
				t.Errorf("%s: %+v", s.Name, turn)
			}
			if runtime.GOOS == "linux" && s.Name != "idle" && turn.CPUSeconds <= 0 {
				t.Errorf("%s: the processor time of the %s is not known", s.Name, turn.Server)
			}
		}
	}
}

func TestBenchNoticesAServerThatLies(t *testing.T) {
	for lie, wrong := range map[string]func(bench.Report) uint64{
		"lose":   func(r bench.Report) uint64 { return r.Lost },
		"repeat": func(r bench.Report) uint64 { return r.Duplicated },
	} {
		report, r := measured(t, "--scenario", "fan-out", "--rate", "2000", "--lie", lie, "--patience", "1s")
		if r.code != exitRunTime || wrong(report) == 0 || report.Scenarios[0].Hub.Lost+report.Scenarios[0].Hub.Duplicated != 0 {
			t.Errorf("%s: it exits with %d, %q, %d lost, %d duplicated", lie, r.code, r.errors, report.Lost, report.Duplicated)
		}
	}
}

func TestBenchSaysWhatItCannotMeasure(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
		code int
	}{
		{"--scenario nothing", "there is no scenario", exitUsage},
		{"--bytes 3", "--bytes is", exitUsage},
		{"--connections 0", "--connections", exitUsage},
		{"--rounds -1", "--rounds", exitUsage},
		{"--duration 1ms", "--duration", exitUsage},
		{"--pid 1", "--target", exitUsage},
		{"--target http://127.0.0.1:1", "needs a token", exitUsage},
		{"--target ftp://127.0.0.1:1 --token x", "--target needs a URL", exitUsage},
		{"--rate fast", "invalid argument", exitUsage},
	} {
		r := baton(t, nil, "", append([]string{"bench"}, strings.Fields(c.args)...)...)
		if r.code != c.code || !strings.Contains(r.errors, c.says) {
			t.Errorf("%s: it exits with %d and says %s", c.args, r.code, r.errors)
		}
	}
}
