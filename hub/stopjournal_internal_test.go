package hub

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

func TestStopsAreJournaledOnceASecondWithHowManyWereLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var written []string // guarded by mu
		j := newStopJournal(func(s channels.JournalStop) {
			mu.Lock()
			defer mu.Unlock()
			written = append(written, fmt.Sprintf("%s %s %s+%d", s.By.User, s.Command, s.Result, s.LeftOut))
		})
		wrote := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(written, want) {
				t.Errorf("it wrote %q, want %q", written, want)
			}
			written = nil
		}
		stop := func(user, command, result string) {
			j.add(channels.JournalStop{By: channels.Who{User: user}, Command: command, Result: result})
		}
		stop("alice", "stop", "first")
		wrote("alice stop first+0") // at once
		for i := range 20 {
			stop("alice", "stop", fmt.Sprint(i))
		}
		stop("bob", "stop", "his")
		stop("alice", "park", "another")
		wrote("bob stop his+0", "alice park another+0")
		time.Sleep(stopEvery)
		wrote("alice stop 19+19")
		stop("alice", "stop", "again")
		wrote()
		time.Sleep(stopEvery)
		wrote("alice stop again+0")
		time.Sleep(2 * stopEvery)
		wrote()
		if len(j.lately) != 0 {
			t.Errorf("it still knows of %v", j.lately)
		}
	})
}
