package bench

import (
	"context"
	"math"
	"net"
	"strings"
	"testing"
	"time"
)

// soon is how long an ended run may take here; what it would wait for is much longer.
const soon = 10 * time.Second

func TestAnEndedRunDoesNotWaitForTheNextValue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	of := &turn{crew: &crew{began: began}, rate: 0.02}
	err := of.due(ctx, 5*time.Minute, func(time.Duration) error { cancel(); return nil })
	if took := time.Since(began); took > soon || err == nil {
		t.Errorf("it ended after %v with %v", took, err)
	}
}

func TestAnEndedRunDoesNotWaitForAHandshake(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := silent.Accept(); err == nil {
			defer conn.Close()
		}
		cancel()
	}()
	began := time.Now()
	if _, err := Run(ctx, Options{Scenarios: []string{"idle"}, Connections: []int{2}, Rounds: 1, Target: "http://" + silent.Addr().String(), Token: "x"}); err == nil {
		t.Error("it succeeded")
	}
	if took := time.Since(began); took > soon {
		t.Errorf("it ended after %v", took)
	}
}

func TestARateThatIsNoNumberIsRefused(t *testing.T) {
	for _, rate := range []float64{math.NaN(), math.Inf(1), -1} {
		if err := (Options{Rate: rate, Bytes: 128, Rounds: 1, Duration: time.Second, Patience: time.Second}).check(); err == nil || !strings.Contains(err.Error(), "--rate") {
			t.Errorf("%v: %v", rate, err)
		}
	}
}

func TestATargetOfWhichNothingIsReachedIsMissed(t *testing.T) {
	for _, c := range []struct{ most, least float64 }{{most: 1}, {least: 1}} {
		var s Scenario
		s.hold(check{figure: "writes", most: c.most, least: c.least, of: func(Turn, Turn) float64 { return 0 }}, []Turn{{}}, nil)
		if missed := len(s.Checks) == 1 && !s.Checks[0].Met; missed != (c.least > 0) {
			t.Errorf("nothing, of %+v: %+v", c, s.Checks)
		}
	}
}
