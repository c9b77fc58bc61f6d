package hub

import (
	"net/http"

	"github.com/baton-hub/baton/channels"
)

// A crowding is how many connections of a room whoever is there has, so that one more is let in or not without a look at
// all of them: thousands come at once when a node is gone.
type crowding struct {
	sessions, users map[string]int
	clients         map[sessionClient]int
}

type sessionClient struct{ session, client string }

func newCrowding() crowding {
	return crowding{map[string]int{}, map[string]int{}, map[sessionClient]int{}}
}

// count counts a connection that has entered, or with -1, one that has left.
func (w crowding) count(c *conn, by int) {
	add(w.sessions, c.who.ID, by)
	add(w.users, c.who.User, by)
	add(w.clients, sessionClient{c.who.ID, c.client}, by)
}

// add forgets what is not there any more.
func add[K comparable](counts map[K]int, key K, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}

// vacancy refuses a connection beyond the limits, and one under the client id of somebody else.
func (r *room) vacancy(who channels.Who, client string) error {
	if r.taken(who, client) {
		return &problem{
			status: http.StatusConflict, code: "client_taken",
			detail: "Somebody else uses this client id. Take a new random one, for every page load or process.",
		}
	}
	l := r.hub.options.Limits
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.crowding
	again := min(1, w.clients[sessionClient{who.ID, client}]) // the connection that this one takes over from
	switch {
	case w.sessions[who.ID]-again >= l.PerSession:
		return tooMany("This sign-in has too many tabs open. Close one.")
	case w.users[who.User]-again >= l.PerUser:
		return tooMany("You have too many tabs open. Close one.")
	case r.hub.connections.Load() >= int64(l.PerNode):
		return tooMany("This node is full. Try again, another may have room.")
	}
	return nil
}
