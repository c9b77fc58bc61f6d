package crowd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/baton-hub/baton/tools/faults/history"
)

// A person is somebody in one login session, or a program with a token.
type person struct {
	site  *Site
	space string
	user  string
	token string // of a program; "" = a person

	// Guarded by mu.
	mu      sync.Mutex
	cookie  string // as it goes into the header
	name    string // of the cookie in the history
	session string
}

func (s *Site) person(space, user string) *person { return &person{site: s, space: space, user: user} }

// An answer is what came of a request over HTTP. Status 0 is none.
type answer struct {
	status int
	code   string // of a problem
	body   []byte
	cookie string // that was set
}

// ask sends one request.
func (p *person) ask(ctx context.Context, at Node, method, path string, header http.Header, body any) answer {
	var data bytes.Buffer
	if body != nil {
		_ = json.NewEncoder(&data).Encode(body) // of our own making
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+at.Addr+path, &data)
	if err != nil {
		return answer{}
	}
	for key, values := range header {
		r.Header[key] = values
	}
	p.show(r.Header, at)
	r.Header.Set("Content-Type", "application/json")
	response, err := p.site.web.Do(r)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return answer{} // half of one is none
	}
	a := answer{status: response.StatusCode, body: text}
	if a.status >= 400 {
		var problem struct{ Code string }
		_ = json.Unmarshal(text, &problem) // a proxy has no code
		a.code = problem.Code
	}
	for _, cookie := range response.Cookies() {
		if cookie.Name == "baton" && cookie.Value != "" {
			a.cookie = cookie.Name + "=" + cookie.Value
		}
	}
	return a
}

// show adds who they are to a request.
func (p *person) show(header http.Header, at Node) {
	if p.token != "" {
		header.Set("Authorization", "Bearer "+p.token)
		return
	}
	header.Set("Origin", "http://"+at.Addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cookie != "" {
		header.Set("Cookie", p.cookie)
	}
}

// id returns the session and the name of its cookie.
func (p *person) id() (session, cookie string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session, p.name
}

// signIn signs in at a node. The cookie that they have goes along, so a session that only Redis has forgotten goes on.
func (p *person) signIn(ctx context.Context, at Node, password string, replace bool) answer {
	v := history.Visit{What: history.SignIn, Space: p.space, Policy: p.policy(), User: p.user, Node: at.Name, Begin: p.site.Record.Now()}
	a := p.ask(ctx, at, http.MethodPost, "/api/v1/session", nil, map[string]any{
		"space": p.space, "user": p.user, "password": password, "replace": replace,
	})
	v.End, v.Status, v.Code = p.site.Record.Now(), a.status, a.code
	if a.status == http.StatusOK {
		var in struct{ Session string }
		_ = json.Unmarshal(a.body, &in) // an answer without it has no session
		p.mu.Lock()
		p.session = in.Session
		p.cookie, p.name = a.cookie, fmt.Sprint("cookie-", p.site.names.Add(1))
		v.Session, v.Cookie = p.session, p.name
		p.mu.Unlock()
	}
	p.site.visited(v)
	return a
}

// visit asks for something that tells whether the cookie is good.
func (p *person) visit(ctx context.Context, at Node) answer {
	session, cookie := p.id()
	v := history.Visit{What: history.Use, Space: p.space, Policy: p.policy(), Cookie: cookie, User: p.user, Session: session, Node: at.Name, Begin: p.site.Record.Now()}
	a := p.ask(ctx, at, http.MethodGet, "/api/v1/session", nil, nil)
	v.End, v.Status, v.Code = p.site.Record.Now(), a.status, a.code
	p.site.visited(v)
	return a
}

// signOut signs out. settle is called after the answer and returns when all that had come to their sockets by then has been
// read; nil if they have none.
func (p *person) signOut(ctx context.Context, at Node, settle func() int64) answer {
	session, cookie := p.id()
	v := history.Visit{What: history.SignOut, Space: p.space, Policy: p.policy(), Cookie: cookie, User: p.user, Session: session, Node: at.Name, Begin: p.site.Record.Now()}
	a := p.ask(ctx, at, http.MethodDelete, "/api/v1/session", nil, nil)
	v.End, v.Status, v.Code = p.site.Record.Now(), a.status, a.code
	v.Settled = v.End + 1
	if settle != nil {
		v.Settled = settle()
	}
	p.site.visited(v)
	return a
}

// policy is what visits say of how people are let in.
func (p *person) policy() string {
	if p.space == p.site.One {
		return "one"
	}
	return ""
}

func (s *Site) visited(v history.Visit) {
	s.Record.Visit(v)
	s.tally.add(fmt.Sprintf("%s %d", v.What, v.Status), 1)
}

// forget is a browser that was closed and has kept no cookies.
func (p *person) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cookie, p.name, p.session = "", "", ""
}
