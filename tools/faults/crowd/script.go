package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/tools/faults/history"
)

// A script changes things over HTTP, without a socket, one request at any node after the other. What has no answer it sends
// again under the same operation id.
type script struct {
	p      *person
	random *rand.Rand
	id     string // the client of its operation ids
	n      int
	pace   time.Duration
}

func (s *script) run(ctx context.Context, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		default:
		}
		s.n++
		op := fmt.Sprintf("%s.%d", s.id, s.n)
		var change wire.Request = &wire.Append{Channel: Chat, Data: value(op), Op: op}
		if s.random.IntN(3) > 0 {
			key := fmt.Sprint("k", s.random.IntN(notes))
			change = &wire.Write{Channel: Notes, Set: map[string]json.RawMessage{key: value(op)}, Op: op}
		}
		s.insist(ctx, op, change)
		if !pause(ctx, between(s.random, s.pace/2, s.pace*3/2)) {
			return
		}
	}
}

// insist sends until it is known what became of it. Now and then it sends once more what is known.
func (s *script) insist(ctx context.Context, op string, change wire.Request) {
	for {
		done := s.attempt(ctx, op, change)
		if done && s.random.IntN(20) > 0 {
			return
		}
		if !pause(ctx, between(s.random, retryAfter/4, retryAfter)) {
			return
		}
		change.Header().Again = true
	}
}

// attempt sends once, and reports whether it is known what became of it.
func (s *script) attempt(ctx context.Context, op string, change wire.Request) bool {
	at := s.p.site.anywhere(s.random)
	o := history.Asked(change, s.p.site.Record.Now())
	o.Client, o.User, o.Node = s.id, s.p.user, at.Name
	o.Session, _ = s.p.id()
	channel, body := Chat, map[string]any{}
	switch f := change.(type) {
	case *wire.Write:
		channel, body["set"] = f.Channel, f.Set
	case *wire.Append:
		channel, body["data"] = f.Channel, f.Data
	}
	header := http.Header{"Baton-Op": {op}, "Baton-Again": {strconv.FormatBool(o.Again)}}
	a := s.p.ask(ctx, at, http.MethodPost, "/api/v1/spaces/"+s.p.space+"/channels/"+channel, header, body)
	o.End = s.p.site.Record.Now()
	var answer struct{ Position uint64 }
	switch {
	case a.status == http.StatusOK && json.Unmarshal(a.body, &answer) == nil:
		o.Outcome, o.Position = history.OK, answer.Position
	case a.code != "" && a.code != string(channels.CodeUnknown):
		o.Outcome, o.Code = history.Refused, a.code
	}
	s.p.site.attempted(o)
	if a.status == http.StatusUnauthorized {
		s.p.signIn(ctx, s.p.site.anywhere(s.random), s.p.user, true) // Redis has forgotten the cookie
		return false
	}
	return a.status == http.StatusOK || a.status >= 400 && a.status < 500 && a.status != http.StatusTooManyRequests && a.code != ""
}
