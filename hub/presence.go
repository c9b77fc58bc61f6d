package hub

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// How long a node's word about who is connected to it holds, and how often it renews it (DESIGN §2).
const (
	presenceLife  = 15 * time.Second
	presenceRenew = 5 * time.Second
)

// presenceChannel is where nodes tell each other, a key for each node.
const presenceChannel = "~presence"

// presence is who is connected to a space, on any node: what each node said last, as long as it keeps saying it.
type presence struct {
	node    string // this one, whose word never lapses
	nodes   map[string]attendance
	users   map[string]owner     // whose each client id is
	version uint64               // grows with each change
	left    map[string]time.Time // when a client was last seen to leave
}

// An owner is the user whose connections have a client id.
type owner struct {
	user  string
	conns int
	mixed bool // or others' have, or had: two nodes may let them in at the same time
}

// attendance is what one node says.
type attendance struct {
	conns []attendant
	heard time.Time
}

// An announcement is how it says so. A node that shows the space says it even if nobody is connected; one that leaves says
// nothing, which is no data.
type announcement struct {
	Conns []attendant       `json:"conns"`
	Used  map[string]useAgo `json:"used,omitempty"` // login sessions that were in use here lately
	Ask   string            `json:"ask,omitempty"`  // names a question: the others are to say it too, now, this node may not have heard them
}

// useAgo is how long ago a login session was in use, in milliseconds: nodes share no clock.
type useAgo struct {
	Last  int64 `json:"last"`
	Input int64 `json:"input"`
}

// An attendant is one connection.
type attendant struct {
	Session string   `json:"session"`
	User    string   `json:"user"`
	Name    string   `json:"name"`
	Roles   []string `json:"roles,omitempty"`
	Client  string   `json:"client"`
	Serves  []string `json:"serves,omitempty"`
}

func newPresence(node string) presence {
	return presence{node: node, nodes: map[string]attendance{}, left: map[string]time.Time{}, users: map[string]owner{}}
}

// hear takes what a node says; it reports whether that is news.
func (p *presence) hear(node string, conns []attendant, now time.Time) (news bool) {
	news = !slices.EqualFunc(p.nodes[node].conns, conns, func(a, b attendant) bool {
		return a.Session == b.Session && a.Client == b.Client && a.Name == b.Name && slices.Equal(a.Serves, b.Serves)
	})
	p.noteLeft(p.nodes[node].conns, now)
	for _, a := range conns {
		p.own(a, 1)
	}
	p.disown(p.nodes[node].conns)
	p.nodes[node] = attendance{conns, now}
	if news {
		p.version++
	}
	return news
}

// own counts a connection to its user, or with -1, one that has gone.
func (p *presence) own(a attendant, by int) {
	o := p.users[a.Client]
	if o.conns == 0 {
		o.user = a.User
	}
	o.mixed = o.mixed || o.user != a.User
	if o.conns += by; o.conns == 0 {
		delete(p.users, a.Client)
		return
	}
	p.users[a.Client] = o
}

func (p *presence) disown(conns []attendant) {
	for _, a := range conns {
		p.own(a, -1)
	}
}

// taken reports whether somebody else is connected with a client id. Thousands ask when a node is gone, so it is no look at
// all connections.
func (p *presence) taken(client, user string) bool {
	o := p.users[client]
	if o.mixed {
		return p.any(func(a attendant) bool { return a.Client == client && a.User != user })
	}
	return o.conns > 0 && o.user != user
}

// enter and exit take that a client has connected to this node, and that it has gone: what hear does, for one of many.
func (p *presence) enter(a attendant) {
	own := p.nodes[p.node]
	at, _ := slices.BinarySearchFunc(own.conns, a, attendant.compare)
	own.conns = slices.Insert(own.conns, at, a)
	p.own(a, 1)
	p.nodes[p.node] = own
	p.version++
}

func (p *presence) exit(a attendant, now time.Time) {
	own := p.nodes[p.node]
	at, _ := slices.BinarySearchFunc(own.conns, a, attendant.compare)
	for at < len(own.conns) && own.conns[at].compare(a) == 0 && !slices.Equal(own.conns[at].Serves, a.Serves) {
		at++ // another connection of a client that has two
	}
	if at == len(own.conns) || own.conns[at].compare(a) != 0 {
		return
	}
	own.conns = slices.Delete(own.conns, at, at+1)
	p.own(a, -1)
	p.nodes[p.node] = own
	p.left[a.Client] = now
	p.version++
}

// compare is the order in which a node lists its connections.
func (a attendant) compare(b attendant) int {
	return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.Client, b.Client))
}

// leave takes that a node has nothing more to say; it reports whether that is news.
func (p *presence) leave(node string, now time.Time) (news bool) {
	news = p.hear(node, nil, now)
	delete(p.nodes, node)
	return news
}

// lapse forgets the nodes that have not been heard for too long; it reports whether there were any.
func (p *presence) lapse(now time.Time) (news bool) {
	for node, a := range p.nodes {
		if node != p.node && now.Sub(a.heard) >= presenceLife {
			p.noteLeft(a.conns, now)
			p.disown(a.conns)
			delete(p.nodes, node)
			p.version++
			news = true
		}
	}
	return news
}

// any reports whether the predicate holds for a connection on any node.
func (p *presence) any(holds func(attendant) bool) bool {
	for _, a := range p.nodes {
		if slices.ContainsFunc(a.conns, holds) {
			return true
		}
	}
	return false
}

// count counts the connections for which the predicate holds, on all nodes.
func (p *presence) count(holds func(attendant) bool) (n int) {
	for _, a := range p.nodes {
		for _, c := range a.conns {
			if holds(c) {
				n++
			}
		}
	}
	return n
}

// noteLeft keeps when clients were last there; whether they still are, clients tells.
func (p *presence) noteLeft(conns []attendant, now time.Time) {
	for _, c := range conns {
		p.left[c.Client] = now
	}
}

// clients lists the client ids that are connected, or were until less than a grace ago.
func (p *presence) clients(now time.Time, grace time.Duration) (clients []string) {
	clients = []string{}
	for _, a := range p.nodes {
		for _, c := range a.conns {
			clients = append(clients, c.Client)
		}
	}
	for client, at := range p.left {
		if now.Sub(at) >= grace {
			delete(p.left, client)
		} else {
			clients = append(clients, client)
		}
	}
	return clients
}

// gone are the clients that were connected until less than a grace ago, and are not any more.
func (p *presence) gone(now time.Time, grace time.Duration) map[string]bool {
	maps.DeleteFunc(p.left, func(_ string, at time.Time) bool { return now.Sub(at) >= grace })
	gone := make(map[string]bool, len(p.left))
	for client := range p.left {
		gone[client] = true
	}
	for _, a := range p.nodes {
		for _, c := range a.conns {
			delete(gone, c.Client)
		}
	}
	return gone
}

// members are the people and programs who are here: one each, however many connections they have.
func (p *presence) members() []wire.Member {
	byUser := map[string]*wire.Member{}
	seen := map[[2]string]bool{}
	for _, node := range slices.Sorted(maps.Keys(p.nodes)) {
		for _, c := range p.nodes[node].conns {
			m := byUser[c.User]
			if m == nil {
				m = &wire.Member{User: c.User, Name: c.Name, Roles: c.Roles}
				byUser[c.User] = m
			}
			if one := [2]string{c.Session, c.Client}; !seen[one] { // a client that moves has two for a moment
				seen[one] = true
				m.Connections++
			}
			if !slices.Contains(m.Sessions, c.Session) {
				m.Sessions = append(m.Sessions, c.Session)
			}
		}
	}
	members := make([]wire.Member, 0, len(byUser))
	for _, m := range byUser {
		members = append(members, *m)
	}
	slices.SortFunc(members, func(a, b wire.Member) int { return cmp.Compare(a.User, b.User) })
	return members
}

func (c *conn) attendantLocked() attendant {
	return attendant{c.who.ID, c.who.User, c.who.Name, c.who.Roles, c.client, c.commands}
}

// attendLocked notes a change of this node's connections, for the clients here and the other nodes.
func (r *room) attendLocked() {
	conns := make([]attendant, 0, len(r.conns))
	for c := range r.conns {
		conns = append(conns, c.attendantLocked())
	}
	conns = slices.AppendSeq(conns, maps.Values(r.moved))
	slices.SortFunc(conns, attendant.compare)
	if r.presence.hear(r.presence.node, conns, time.Now()) {
		r.presenceMovedLocked()
		r.announceSoonLocked()
	}
}

// cameLocked and wentLocked note one connection more, or less: with very many, that is much less work than to note all.
func (r *room) cameLocked(c *conn) {
	r.presence.enter(c.attendantLocked())
	r.presenceMovedLocked()
	r.announceSoonLocked()
}

func (r *room) wentLocked(a attendant) {
	r.presence.exit(a, time.Now())
	r.presenceMovedLocked()
	r.announceSoonLocked()
}

// hearNode takes what a node says of its connections; of this one it only shows that it is heard.
func (r *room) hearNode(node string, data []byte) {
	var said announcement
	if len(data) > 0 && json.Unmarshal(data, &said) != nil {
		return
	}
	if node == r.presence.node {
		r.hearSelf(said)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	news := false
	if len(data) == 0 {
		news = r.presence.leave(node, now)
	} else {
		news = r.presence.hear(node, said.Conns, now)
	}
	for id, ago := range said.Used {
		r.watch.see(id, now).used(now.Add(-time.Duration(ago.Last)*time.Millisecond), now.Add(-time.Duration(ago.Input)*time.Millisecond))
	}
	if said.Ask != "" {
		r.announceSoonLocked()
	}
	if news {
		r.presenceMovedLocked()
	}
}

// otherNodes lists the nodes that show the space, but this one.
func (r *room) otherNodes() (nodes []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.roll.unheard(now) == 0 { // else they may go on saying it
		r.presence.lapse(now)
	}
	for node := range r.presence.nodes {
		if node != r.presence.node {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// hasNode reports whether a node shows the space.
func (r *room) hasNode(node string) bool { return slices.Contains(r.otherNodes(), node) }

func (r *room) presenceMovedLocked() {
	r.noteAbsenceLocked()
	r.loseAtOnceLocked()
	r.showLocked()
}

// loseAtOnceLocked proposes that the operator's link is lost as soon as the last connection is gone, where the site has no
// patience. Elsewhere the sweep does, in its own time. Several nodes may propose it: it is so once.
func (r *room) loseAtOnceLocked() {
	operator := r.seat.Operator
	if r.absent.IsZero() || operator == nil || r.seat.Lost != nil || r.policyNow().Linger > 0 || !r.watchedLocked(time.Now()) {
		return
	}
	r.replica().ProposeOwn("", session.Lost(operator.Session), func(channels.Outcome) {})
}

// noteAbsenceLocked keeps since when the operator has had no connection.
func (r *room) noteAbsenceLocked() {
	operator := r.seat.Operator
	switch {
	case operator == nil || r.presence.any(func(a attendant) bool { return a.Session == operator.Session }):
		r.absent = time.Time{}
	case r.absent.IsZero():
		r.absent = time.Now()
	}
}

// announcement is what this node tells the others.
func (r *room) announcement() (data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.announced.did(time.Now(), len(data), announceRate, announceCost) }()
	said := announcement{Conns: r.presence.nodes[r.presence.node].conns, Used: r.watch.lately(time.Now()), Ask: r.roll.question}
	data, err := json.Marshal(said)
	if err != nil {
		panic(err) // it is made of strings and numbers
	}
	return data
}
