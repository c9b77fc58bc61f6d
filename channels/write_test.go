package channels_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/channels"
)

// remove proposes that a user deletes one key.
func remove(user string, n int, channel, key string) channels.Proposal {
	p := set(user, n, channel, key, "")
	w := channels.Write{Channel: channel, Delete: []string{key}}
	p.Body, _ = json.Marshal(w)
	p.Decide = w.Decide
	return p
}

// together proposes on one socket, without waiting in between, so that the proposals share an entry.
func together(s *channels.Space, proposals ...channels.Proposal) (outcomes []channels.Outcome) {
	done := make(chan channels.Outcome, len(proposals))
	for _, p := range proposals {
		p.Source, p.Done = 1, func(o channels.Outcome) { done <- o }
		s.Propose(p)
	}
	for range proposals {
		outcomes = append(outcomes, <-done)
	}
	return outcomes
}

func TestAKeyThatWasDeletedInTheSameEntryDoesNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		outcomes := together(s, remove("ann", 2, "open", "k"), set("ann", 3, "open", "k", `2`, ifAt("k", 0)))
		if outcomes[0].Err != nil || outcomes[1].Err != nil || outcomes[0].Position != outcomes[1].Position {
			t.Errorf("deleted: %+v, created: %+v", outcomes[0], outcomes[1])
		}
		if got := get(s, "open", "k"); got != "2" {
			t.Errorf("the value is %q", got)
		}
	})
}
