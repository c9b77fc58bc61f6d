package session

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
)

// counted opens a file with alice in it whose comparisons are counted; they end when let is closed.
func counted(t *testing.T, let <-chan struct{}) (users *UserFile, tried func() (count, most int)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.yaml")
	if err := AddUser(path, Identity{User: "alice", Roles: []string{"user"}}, "alice"); err != nil {
		t.Fatal(err)
	}
	users, err := OpenUserFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var count, now, most int
	users.matches = func(h passwordHash, password string) bool {
		if h.memory != newHashCost.memory || h.time != newHashCost.time || h.threads != newHashCost.threads || len(password) > maxPassword {
			t.Errorf("a comparison that costs something else: %+v, %d bytes", h, len(password))
		}
		mu.Lock()
		count++
		now++
		most = max(most, now)
		mu.Unlock()
		<-let
		mu.Lock()
		now--
		mu.Unlock()
		return password == "alice"
	}
	return users, func() (int, int) {
		mu.Lock()
		defer mu.Unlock()
		return count, most
	}
}

// The time of an answer is the time of one comparison, whoever is asked for, so comparisons are what is counted.
func TestEveryAnswerCostsOneComparison(t *testing.T) {
	let := make(chan struct{})
	close(let)
	users, tried := counted(t, let)
	for i, c := range []Credentials{
		{"alice", "alice"}, {"alice", "wrong"}, {"nobody", "alice"}, {"", ""}, {"alice", ""}, {"nobody", string(make([]byte, 1<<20))},
	} {
		_, err := users.Authenticate(t.Context(), c)
		if (err == nil) != (i == 0) {
			t.Errorf("%s: %v", c.User, err)
		}
		if count, _ := tried(); count != i+1 {
			t.Errorf("%.10q took %d comparisons in all, want %d", c.User, count, i+1)
		}
	}
}

func TestAnUnknownUserCostsAsMuchAsTheCostliestKnownOne(t *testing.T) {
	dear := passwordHash{memory: 64 << 10, time: 3, threads: 2}
	people := map[string]person{"ann": {password: newHashCost}, "bob": {password: dear}, "carl": {password: passwordHash{memory: 8, time: 1, threads: 1, key: []byte{1}}}}
	for _, want := range []passwordHash{dear, newHashCost} {
		got := nobody(people)
		if got.memory != want.memory || got.time != want.time || got.threads != want.threads || len(got.key) != 32 {
			t.Errorf("nobody costs %+v, want %+v", got, want)
		}
		delete(people, "bob")
	}
	if got := nobody(nil); got.memory != newHashCost.memory || got.time != newHashCost.time {
		t.Errorf("without anybody: %+v", got)
	}
}

func TestACrowdHashesFewAtATimeAndMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		users, tried := counted(t, let)
		ctx, leave := context.WithCancel(t.Context())
		results := make(chan error, 40)
		for range 40 {
			go func() {
				_, err := users.Authenticate(ctx, Credentials{"alice", "alice"})
				results <- err
			}()
		}
		synctest.Wait()
		if count, most := tried(); count != hashesAtOnce || most != hashesAtOnce {
			t.Errorf("%d passwords are being hashed, want %d", count, hashesAtOnce)
		}
		leave()
		synctest.Wait()
		close(let)
		served := 0
		for range 40 {
			switch err := <-results; {
			case err == nil:
				served++
			case !errors.Is(err, context.Canceled):
				t.Errorf("one who left: %v", err)
			}
		}
		if served != hashesAtOnce {
			t.Errorf("%d were served, want the %d that were at it", served, hashesAtOnce)
		}
	})
}
