package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// surveyTime is how long a node has to answer: one that takes longer is told of as it is.
const surveyTime = 2 * time.Second

// surveyConns is how many connections a node tells of at most: its answer is one message.
const surveyConns = 1000

// A surveyQuestion asks a node how it is and who is connected to it, or to close one of those.
type surveyQuestion struct {
	Space string         `json:"space"`
	User  string         `json:"user,omitempty"`
	Close *closeQuestion `json:"close,omitempty"`
}

type closeQuestion struct {
	Connection string `json:"connection"`
	By         string `json:"by"`
	Reason     string `json:"reason,omitempty"`
}

// A nodeReport is the answer.
type nodeReport struct {
	Node        NodeInfo         `json:"node"`
	Connections []ConnectionInfo `json:"connections"`
	More        bool             `json:"more,omitempty"`
	Closed      bool             `json:"closed,omitempty"`
}

func surveySubject(node string) string { return "survey." + node }

// answerSurvey answers for this node.
func (h *Hub) answerSurvey(data []byte) []byte {
	var q surveyQuestion
	if json.Unmarshal(data, &q) != nil || h.rooms[q.Space] == nil {
		return nil
	}
	answer, err := json.Marshal(h.answerOf(h.rooms[q.Space], q))
	if err != nil {
		return nil
	}
	return answer
}

func (h *Hub) answerOf(r *room, q surveyQuestion) nodeReport {
	if q.Close != nil {
		return nodeReport{Closed: r.closeConnection(*q.Close)}
	}
	return r.report(q.User)
}

// ask asks one node.
func (h *Hub) ask(ctx context.Context, node string, q surveyQuestion) (answer nodeReport, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	data, err := json.Marshal(q)
	if err != nil {
		panic(err) // it is made of strings
	}
	said, err := h.options.Relay.Ask(ctx, surveySubject(node), data)
	return answer, err == nil && json.Unmarshal(said, &answer) == nil
}

// survey returns what all nodes of the space say, by name; one that says nothing is told of by its name.
func (h *Hub) survey(ctx context.Context, r *room, user string) []nodeReport {
	q := surveyQuestion{Space: r.name, User: user}
	others := r.otherNodes()
	reports := make([]nodeReport, len(others)+1)
	var asked sync.WaitGroup
	for i, node := range others {
		asked.Go(func() {
			began := time.Now()
			answer, ok := h.ask(ctx, node, q)
			answer.Node.Node, answer.Node.Answered = node, ok
			answer.Node.AnswerMS = float64(time.Since(began).Microseconds()) / 1000
			reports[i] = answer
		})
	}
	reports[len(others)] = r.report(user)
	asked.Wait()
	slices.SortFunc(reports, func(a, b nodeReport) int { return cmp.Compare(a.Node.Node, b.Node.Node) })
	return reports
}

// closeAnywhere closes a connection on the node that has it; false: none has.
func (h *Hub) closeAnywhere(ctx context.Context, r *room, q closeQuestion) bool {
	if r.closeConnection(q) {
		return true
	}
	for _, node := range r.otherNodes() {
		if answer, ok := h.ask(ctx, node, surveyQuestion{Space: r.name, Close: &q}); ok && answer.Closed {
			return true
		}
	}
	return false
}

// closeConnection closes a connection of this node; false: it has none of that id.
func (r *room) closeConnection(q closeQuestion) bool {
	reason := "closed by " + q.By
	if q.Reason != "" {
		reason += ": " + q.Reason
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		if c.id == q.Connection {
			c.end(closing{code: wire.CloseLeaving, reason: trimmed(reason, maxReason)})
			return true
		}
	}
	return false
}

// report tells how this node is, and who is connected to it.
func (r *room) report(user string) nodeReport {
	h := r.hub
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	report := nodeReport{Connections: []ConnectionInfo{}, Node: NodeInfo{
		Node: h.options.Node, Answered: true, Version: h.options.Version, UptimeS: int64(time.Since(h.started).Seconds()),
		Missing: h.missing(), Sockets: int(h.connections.Load()), Limit: h.options.Limits.PerNode,
		MemoryBytes: memory.HeapAlloc, Goroutines: runtime.NumGoroutine(),
		Sent: r.counts.sent.Load(), SentBytes: r.counts.sentBytes.Load(),
	}}
	if space := r.replica(); space != nil {
		if since := space.Stale(); !since.IsZero() {
			report.Node.StaleMS = time.Since(since).Milliseconds()
		}
		space.Read(func(state *channels.State) {
			report.Node.Position, report.Node.LogBytes = state.Position(), state.SinceCheckpoint()
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	report.Node.Connections = len(r.conns)
	for c := range r.conns {
		if user == "" || c.who.User == user {
			report.Connections = append(report.Connections, c.infoLocked(report.Node.Position))
		}
	}
	slices.SortFunc(report.Connections, func(a, b ConnectionInfo) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Connection, b.Connection))
	})
	if len(report.Connections) > surveyConns {
		report.Connections, report.More = report.Connections[:surveyConns], true
	}
	return report
}

func (c *conn) infoLocked(head uint64) ConnectionInfo {
	info := ConnectionInfo{
		Connection: c.id, Node: c.room.hub.options.Node, Kind: kindWS, User: c.who.User, Name: c.who.Name, Roles: slices.Clone(c.who.Roles),
		Session: c.who.ID, Since: c.began, Joined: len(c.feeds) + len(c.watched), Serves: slices.Clone(c.commands),
		AnswerMS: float64(time.Duration(c.pinged.Load()).Microseconds()) / 1000,
	}
	if c.follows {
		info.Kind = kindSSE
	}
	if head > c.cursor {
		info.Behind = head - c.cursor
	}
	return info
}
