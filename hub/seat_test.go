package hub_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// everybody knows every name, whose password is the name.
type everybody struct{}

func (everybody) Authenticate(_ context.Context, c session.Credentials) (session.Identity, error) {
	if c.Password != c.User {
		return session.Identity{}, session.ErrWrongCredentials
	}
	return session.Identity{User: c.User, Roles: []string{"user"}}, nil
}

func TestOf100ParallelLoginsForOneSeatExactlyOneWinsAndAWrongPasswordIsWrongAllTheSame(t *testing.T) {
	nats := natstest.External(t)
	var nodes []*node
	for _, name := range []string{"one", "two"} {
		nodes = append(nodes, newNode(t, nodeOptions{
			name: name, store: natstest.Connect(t, nats.URL), policy: session.Policy{OtherUser: session.Reject},
			more: func(o *hub.Options) { o.Sign = everybody{} },
		}))
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	codes := map[string]int{}
	winner := hubtest.NewBrowser(t)
	for i := range 100 {
		all.Go(func() {
			user, b := fmt.Sprint("user", i), hubtest.NewBrowser(t)
			password := user
			if i%10 == 9 {
				password = "wrong"
			}
			var answer *hubtest.Answer
			until(t, user+" is answered", func() bool { // a hub on a busy machine may ask to try again
				answer = b.Request("POST", nodes[i%2].url+"/api/v1/session", fmt.Sprintf(`{"space":"lab","user":%q,"password":%q}`, user, password))
				return answer.Status != http.StatusServiceUnavailable
			})
			var problem struct{ Code string }
			_ = json.Unmarshal([]byte(answer.Body), &problem)
			mu.Lock()
			defer mu.Unlock()
			codes[fmt.Sprint(answer.Status, " ", problem.Code)]++
			if answer.Status == http.StatusOK {
				winner = b
			}
		})
	}
	all.Wait()
	if codes["200 "] != 1 || codes["409 seat_taken"] != 89 || codes["401 wrong_credentials"] != 10 {
		t.Errorf("answered %v", codes)
	}
	who(winner, nodes[1])
}

func TestALoginSessionEndsWithItsAbsoluteLifeAndItsSocketsAreClosed(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{policy: session.Policy{Absolute: 4 * time.Second}})
	_, tab := n.open(t, "alice")
	var bye wire.Bye
	tab.Expect("bye", &bye)
	if bye.Code != wire.CloseSignedOut || !strings.Contains(bye.Reason, "lasts no longer") {
		t.Errorf("she hears %+v", bye)
	}
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("closed with %d", code)
	}
}

// TestTheJournalTellsEverythingAndIsExported plays a short shift, and holds the export of the journal against it.
func TestTheJournalTellsEverythingAndIsExported(t *testing.T) {
	n := newNode(t, nodeOptions{})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look", "stop"}}, "serving", nil)
	alice, aliceTab := n.open(t, "alice")
	_, bobTab := n.open(t, "bob")
	_, samTab := n.open(t, "sam")
	aliceTab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	var asked wire.Controlled
	bobTab.Do(frame{"type": "control", "do": "request", "message": "please"}, "controlled", &asked)
	aliceTab.Do(frame{"type": "control", "do": "deny", "request": asked.Request, "reason": "after this scan"}, "controlled", nil)
	aliceTab.Do(frame{"type": "call", "command": "look"}, "called", nil)
	var call wire.Invoke
	service.Expect("invoke", &call)
	service.Do(frame{"type": "failed", "call": call.Call, "error": "too dark"}, "written", nil)
	samTab.Do(frame{"type": "control", "do": "take", "reason": "the crane"}, "controlled", nil)
	alice.Request("DELETE", n.url+"/api/v1/session", "").Want(http.StatusNoContent)

	type record struct {
		Do, User, Session, Result, Reason, Message, From, Command string
		Term                                                      uint64
	}
	var got []string
	lines := bufio.NewScanner(strings.NewReader(samExport(t, n)))
	for lines.Scan() {
		var line struct {
			Channel string
			Message *struct{ Data record }
			Data    *record
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if line.Channel != "control" {
			continue
		}
		r := line.Data
		if line.Message != nil {
			r = &line.Message.Data
		}
		if r == nil {
			t.Fatalf("the line has no record: %s", lines.Text())
		}
		if r.User != "" && r.User != "service/beamline" && (r.Session == "" || r.From != "127.0.0.1") {
			t.Errorf("it does not say from where: %s", lines.Text())
		}
		got = append(got, strings.TrimSpace(fmt.Sprint(r.User, " ", r.Do, " ", r.Result, " ", r.Command, " ", r.Message, r.Reason, " ", r.Term)))
	}
	want := []string{
		"alice request seated   1", "bob request waiting  please 1", "alice deny denied  after this scan 1", "alice call  look  0",
		"alice call failed look too dark 0", "sam take seated  the crane 2",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the journal is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// samExport exports the journal as sam does.
func samExport(t *testing.T, n *node) string {
	t.Helper()
	sam := hubtest.NewBrowser(t)
	sam.SignIn(n.url, "lab", "sam")
	answer := sam.Request("GET", n.url+"/api/v1/spaces/lab/export?channels=control", "")
	answer.Want(http.StatusOK)
	return answer.Body
}
