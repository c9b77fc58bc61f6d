package hub_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/session"
)

// TestRetriesAreAnsweredAsBeforeAfterEveryServerOfNATSAndEveryHubWasRestarted restarts the three servers of NATS one
// after the other, of which it stops the first and kills the others, while two people change things. Then it starts other
// hubs in place of the two, and has each person send everything again to the one where they were not.
func TestRetriesAreAnsweredAsBeforeAfterEveryServerOfNATSAndEveryHubWasRestarted(t *testing.T) {
	t.Parallel()
	servers := natstest.Cluster(t)
	nodes := newRestartNodes(t, servers, "before")
	service := hubtest.OpenToken(t, nodes[0].url, "service-1", nodes[0].token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	people := []*retrier{newRetrier(t, nodes[0], "alice"), newRetrier(t, nodes[1], "sam")}
	people[0].ok(frame{"type": "control", "do": "request"})
	for _, p := range people {
		p.ok(frame{"type": "call", "command": "look"})
		p.ok(frame{"type": "transact", "writes": []frame{{"channel": "notes", "set": frame{p.user: 1}}}, "calls": []frame{{"command": "look"}}})
	}
	people[1].ok(frame{"type": "lock", "name": "robot"})
	for i, s := range servers {
		if i == 0 {
			s.Stop()
		} else {
			s.Kill()
		}
		s.Start()
		for _, p := range people {
			p.ok(frame{"type": "append", "channel": "chat", "data": p.user + " is there"})
			p.ok(frame{"type": "write", "channel": "notes", "patch": frame{p.user: frame{"n": len(p.asked)}}})
		}
	}
	for _, n := range nodes {
		n.close()
	}
	nodes = newRestartNodes(t, servers, "after")
	for i, p := range people {
		p.again(nodes[1-i])
	}
	log, err := natstest.ConnectCluster(t, servers).Log(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	once(t, log, people)
}

func newRestartNodes(t *testing.T, servers []*natstest.Server, names string) (nodes []*node) {
	t.Helper()
	for i := range 2 {
		nodes = append(nodes, newNode(t, nodeOptions{
			name: fmt.Sprint(names, i), policy: session.Policy{}, store: natstest.ConnectCluster(t, servers), limits: hub.Limits{Rate: 1e6, Burst: 1e6},
		}))
		until(t, "the servers agree, and the space can be opened", func() bool {
			_, err := nodes[i].Space(t.Context(), "lab")
			return err == nil
		})
	}
	return nodes
}

// A retrier is a person who sends everything until it is done, and keeps what it was answered.
type retrier struct {
	t       *testing.T
	user    string
	browser *hubtest.Browser
	tab     *hubtest.Tab
	asked   []frame
	answers []hubtest.Frame
}

func newRetrier(t *testing.T, n *node, user string) *retrier {
	t.Helper()
	r := &retrier{t: t, user: user}
	r.browser, r.tab = n.open(t, user)
	return r
}

// ok sends a request, and again as long as nobody knows what became of it.
func (r *retrier) ok(request frame) {
	r.t.Helper()
	request["id"] = len(r.asked) + 1
	request["op"] = fmt.Sprintf("%s.%d", r.tab.Client, len(r.asked)+1)
	for late := time.Now().Add(4 * hubtest.Patience); ; {
		r.tab.Send(request)
		f := r.tab.Answer(uint64(len(r.asked) + 1))
		var refused struct{ Code channels.Code }
		_ = json.Unmarshal(f.Data, &refused)
		if f.Type != "error" {
			r.asked, r.answers = append(r.asked, request), append(r.answers, f)
			return
		}
		if refused.Code != channels.CodeUnknown && refused.Code != channels.CodeUnavailable || time.Now().After(late) {
			r.t.Fatalf("%v was answered %s", request, f.Data)
		}
	}
}

// again sends everything to another node, and wants the same answers to the byte.
func (r *retrier) again(n *node) {
	r.t.Helper()
	until(r.t, "the hub knows the cookie", func() bool {
		socket, _, err := r.browser.TryOpen(n.url, "trial")
		if err == nil {
			_ = socket.CloseNow()
		}
		return err == nil
	})
	tab := r.browser.Open(n.url, r.tab.Client)
	for i, request := range r.asked {
		tab.Send(request)
		if f := tab.Answer(uint64(i + 1)); string(f.Data) != string(r.answers[i].Data) {
			r.t.Errorf("%v was answered\n%s, and again\n%s", request, r.answers[i].Data, f.Data)
		}
	}
}

// once checks that each operation is in the log once, where it was answered to be.
func once(t *testing.T, log channels.Log, people []*retrier) {
	t.Helper()
	found := map[string][]uint64{}
	for position, e := range entriesOf(t, log) {
		for _, tx := range e.Transactions {
			found[tx.Op.String()] = append(found[tx.Op.String()], position)
		}
	}
	for _, p := range people {
		for i, request := range p.asked {
			var answer struct{ Position uint64 }
			_ = json.Unmarshal(p.answers[i].Data, &answer)
			if at := found[request["op"].(string)]; len(at) != 1 || at[0] != answer.Position {
				t.Errorf("%v was answered %s, and is at %v", request, p.answers[i].Data, at)
			}
		}
	}
}
