package hub

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/socket"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// The time limits of a connection, RELIABILITY.
const (
	messageTime = 10 * time.Second // for a message to come in whole
	pingEvery   = 25 * time.Second
	pongTime    = 10 * time.Second
	maxStrikes  = 100 // messages refused for their form or rate, before the connection is closed
)

var clientForm = regexp.MustCompile(`^[A-Za-z0-9_-]{4,40}$`)

// serveSocket is the WebSocket endpoint.
func (h *Hub) serveSocket(w http.ResponseWriter, r *http.Request) error {
	if err := h.admits(); err != nil {
		return err
	}
	identify := h.identify
	if ticket := r.URL.Query().Get("ticket"); ticket != "" {
		identify = func(r *http.Request) (who channels.Who, at *room, holds proof, err error) { return h.redeem(r, ticket) }
	}
	who, room, proof, err := identify(r)
	if err != nil {
		return err
	}
	client := strings.Clone(r.URL.Query().Get("client")) // it outlives the request
	if !clientForm.MatchString(client) {
		return &problem{
			status: http.StatusBadRequest, code: "invalid",
			detail: "Connect with ?client=…, a random id of 4 to 40 letters, digits, _ or -, new for every page load.",
		}
	}
	if err := h.checkOrigin(r); err != nil && !withTicket(r) { // which is for one origin
		return err
	}
	if !slices.Contains(strings.Split(strings.ReplaceAll(r.Header.Get("Sec-WebSocket-Protocol"), " ", ""), ","), wire.Subprotocol) {
		return &problem{status: http.StatusBadRequest, code: "invalid", detail: "Connect with the WebSocket subprotocol " + wire.Subprotocol + "."}
	}
	leave, err := room.place(r, who, client)
	if err != nil {
		return err
	}
	h.running.Add(1) // while the server still waits for this request
	ws, err := socket.AcceptLate(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{wire.Subprotocol},
		CompressionMode:    websocket.CompressionDisabled,
		InsecureSkipVerify: true, // checkOrigin is stricter: it wants an Origin, and looks at the scheme
	})
	if err != nil {
		h.running.Done()
		leave()
		h.logger.Debug("a handshake failed", "error", err)
		return nil // answered by Accept
	}
	h.serveConn(ws, room, who, proof, client, leave)
	return nil
}

// checkOrigin refuses pages of other sites: a browser sends its cookie along with theirs. Programs have a token that no
// page can make a browser send, and need no Origin.
func (h *Hub) checkOrigin(r *http.Request) error {
	if r.Header.Get("Authorization") != "" {
		return nil
	}
	if origins := r.Header.Values("Origin"); len(origins) == 1 && h.knownOrigin(origins[0], r) {
		return nil
	}
	return errOriginUnknown
}

// knownOrigin reports whether pages of an origin may connect: those of this hub, and of the origins that the site allows.
func (h *Hub) knownOrigin(origin string, r *http.Request) bool {
	if slices.Contains(h.setup.Load().Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host && u.Scheme == h.scheme(r)
}

var errOriginUnknown = &problem{
	status: http.StatusForbidden, code: "origin",
	detail: "This page may not connect here. If it should, the site's administrator adds its origin to those allowed.",
}

// place is a connection's, until leave is called; refused is one beyond the limits, and one under the client id of
// somebody else.
func (r *room) place(request *http.Request, who channels.Who, client string) (leave func(), err error) {
	if err = r.vacancy(who, client); err == nil {
		leave, err = r.hub.place(request)
	}
	if err != nil && problemOf(err).status == http.StatusTooManyRequests {
		r.counts.limitedConnect.Inc()
	}
	return leave, err
}

func tooMany(detail string) error {
	return &problem{status: http.StatusTooManyRequests, code: "too_many", detail: detail, retry: 10}
}

// place is a connection's among those of its address, until leave is called.
func (h *Hub) place(r *http.Request) (leave func(), err error) {
	leave, ok := h.addresses.enter(h.address(r), h.options.Limits.PerAddress)
	if !ok {
		return nil, tooMany("Too many tabs of your network are open. Close one, or ask the site's staff: behind a proxy, its address has to be in the site file.")
	}
	return leave, nil
}

// taken reports whether a client id is another user's: because the log says so, or as long as it says nothing, because one
// is connected with it. Whoever has it first would else make the operations of the other fail.
func (r *room) taken(who channels.Who, client string) bool {
	user := ""
	r.replica().Read(func(state *channels.State) { user = state.UserOf(client) })
	if user != "" {
		return user != who.User
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.presence.taken(client, who.User)
}

func (l Limits) limiter(who channels.Who) *rate.Limiter {
	if who.Has("service") {
		return rate.NewLimiter(rate.Limit(l.Services), l.Services)
	}
	return rate.NewLimiter(rate.Limit(l.Rate), l.Burst)
}

// enter makes the connection one of the room: welcomed, and subscribed to what concerns everybody.
func (r *room) enter(c *conn) {
	r.replica().Read(func(state *channels.State) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.enterLocked(c, state)
	})
}

// enterLocked reports whether it has: not if its login session has ended.
func (r *room) enterLocked(c *conn, state *channels.State) bool {
	if ok, _ := c.checkLocked(state); !ok {
		return false
	}
	c.cursor = state.Position()
	r.conns[c] = struct{}{}
	r.crowding.count(c, 1)
	r.cameLocked(c)
	c.push(answer{position: state.Position(), first: true, data: c.greetLocked(state)})
	if r.seat.Lost != nil && r.seat.Operator.Session == c.who.ID {
		r.replica().ProposeOwn("", session.Back(c.who.ID), func(channels.Outcome) {})
	}
	return true
}

// exit makes it nobody again.
func (r *room) exit(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, entered := r.conns[c]
	was, lingers := c.attendantLocked(), entered && !c.told.IsZero() && r.hub.ctx.Err() == nil
	if entered {
		delete(r.conns, c)
		r.crowding.count(c, -1)
	}
	r.quitLocked(c, anyFeed)
	r.calls.servesLocked(c, nil)
	switch {
	case lingers:
		r.lingerLocked(c, was)
	case entered:
		r.wentLocked(was)
	}
}

// greetLocked is the welcome of a connection, which is subscribed to what concerns everybody from there on.
func (c *conn) greetLocked(state *channels.State) []byte {
	r := c.room
	c.heard = r.news
	if !r.stale.IsZero() {
		c.heard--
	}
	for _, f := range c.alwaysOn() {
		r.followLocked(c, f, state.Position())
	}
	c.members = r.shown.version
	return wire.AppendWelcome(nil, r.introductionLocked(c, state), r.shown.members, r.rulesLocked(state, c.who))
}
