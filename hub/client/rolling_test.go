package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/hubtest"
)

// A shift is one client under load: it writes, and hears what all write.
type shift struct {
	*client.Client
	name string

	mu    sync.Mutex // guards heard
	heard []string

	made   []string        // what it wrote
	pauses []time.Duration // how long each write took
	away   int             // how often it was not live
}

func (s *shift) work(ctx context.Context, over <-chan struct{}) error {
	for n := 0; ; n++ {
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		default:
		}
		word, start := fmt.Sprint(s.name, "-", n), time.Now()
		if _, err := s.Append(ctx, "log", word); err != nil {
			return err
		}
		s.made, s.pauses = append(s.made, word), append(s.pauses, time.Since(start))
		if _, err := s.Call(ctx, "motor.move", word, 0); err != nil {
			return fmt.Errorf("calling: %w", err)
		}
		if s.Status() != client.Live {
			s.away++
		}
	}
}

func (s *shift) hear(messages []client.Message, gap bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if gap {
		s.heard = append(s.heard, "gap")
	}
	for _, m := range messages {
		var word string
		_ = json.Unmarshal(m.Data, &word)
		s.heard = append(s.heard, word)
	}
}

// has reports whether it has heard everything of everybody.
func (s *shift) has(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.heard) >= n
}

func TestARollingRestartUnderLoadLosesNothingAndPausesNobody(t *testing.T) {
	rules := labRules()
	log := rules.Channels["log"]
	log.Keep = 100_000 // more than are written
	rules.Channels["log"] = log
	cluster := hubtest.NewCluster(t, rules, 2)
	connect := func(name string) *client.Client {
		c, err := client.Connect(t.Context(), client.Options{URL: cluster.URL, Token: cluster.Token(name, "service")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	var mu sync.Mutex
	served := map[string]int{}
	err := connect("mover").Serve(t.Context(), map[string]client.Handler{"motor.move": func(_ context.Context, i *client.Invocation) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		served[string(i.Args)]++
		return nil, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*hubtest.Patience)
	defer cancel()
	over, failed := make(chan struct{}), make(chan error, 100)
	var shifts []*shift
	var working sync.WaitGroup
	for i := range 12 {
		s := &shift{name: fmt.Sprint("worker", i)}
		s.Client = connect(s.name)
		log := s.Log("log", 0)
		log.Watch(s.hear)
		if err := log.Ready(ctx); err != nil {
			t.Fatal(err)
		}
		shifts = append(shifts, s)
	}
	for _, s := range shifts {
		working.Go(func() {
			if err := s.work(ctx, over); err != nil {
				failed <- fmt.Errorf("%s: %w", s.name, err)
			}
		})
	}
	cluster.Roll()
	close(over)
	working.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	checkShifts(t, shifts, func(word string) int {
		mu.Lock()
		defer mu.Unlock()
		return served[fmt.Sprintf("%q", word)]
	})
}

// checkShifts holds what everybody heard against what everybody wrote.
func checkShifts(t *testing.T, shifts []*shift, served func(word string) int) {
	t.Helper()
	total := 0
	var pauses, worst []time.Duration
	for _, s := range shifts {
		total += len(s.made)
		pauses = append(pauses, s.pauses...)
		worst = append(worst, slices.Max(s.pauses))
		if s.away > 0 {
			t.Errorf("%s was away %d times", s.name, s.away)
		}
		for _, word := range s.made {
			if n := served(word); n != 1 {
				t.Errorf("the call of %s was handled %d times", word, n)
			}
		}
	}
	for _, s := range shifts {
		for deadline := time.Now().Add(hubtest.Patience); !s.has(total) && time.Now().Before(deadline); {
			<-time.After(5 * time.Millisecond)
		}
		for _, writer := range shifts {
			got := slices.DeleteFunc(slices.Clone(s.heard), func(word string) bool { return !strings.HasPrefix(word, writer.name+"-") })
			if !slices.Equal(got, writer.made) {
				t.Errorf("%s heard %d of %d of %s, or not in order", s.name, len(got), len(writer.made), writer.name)
			}
		}
		if len(s.heard) != total {
			t.Errorf("%s heard %d of %d", s.name, len(s.heard), total)
		}
	}
	slices.Sort(pauses)
	t.Logf("%d writes; half took at most %v, 99 of 100 %v; the longest of each client %v",
		total, pauses[len(pauses)/2], pauses[len(pauses)*99/100], worst)
	if longest := pauses[len(pauses)-1]; longest > 20*time.Second {
		t.Errorf("the longest pause was %v", longest)
	}
}
