package hub_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// issued is the answer that has a token in it.
type issued struct {
	Token, ID string
	Expires   time.Time
}

// staffOffice signs people in with the roles that their names say, such as "amy admin", whatever the password.
type staffOffice struct{}

func (staffOffice) Authenticate(ctx context.Context, c session.Credentials) (session.Identity, error) {
	name, roles, _ := strings.Cut(c.User, " ")
	if roles == "" {
		return session.Dev{}.Authenticate(ctx, c)
	}
	return session.Identity{User: name, Name: name, Roles: strings.Fields(roles)}, nil
}

func tokenNode(t *testing.T, o nodeOptions) (n *node, admin *hubtest.Browser) {
	t.Helper()
	more := o.more
	o.more = func(options *hub.Options) {
		options.Sign = staffOffice{}
		if more != nil {
			more(options)
		}
	}
	n = newNode(t, o)
	return n, n.user(t, "amy user admin")
}

func (n *node) tokens() string { return n.url + "/api/v1/spaces/lab/tokens" }

// create has an admin create a token.
func (n *node) create(t *testing.T, admin *hubtest.Browser, body frame) (token issued) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	admin.Request("POST", n.tokens(), string(data)).Into(http.StatusCreated, &token)
	return token
}

func TestATokenIsShownOnceAndListedByItsFirstCharacters(t *testing.T) {
	n, admin := tokenNode(t, nodeOptions{})
	made := n.create(t, admin, frame{"name": "scanner", "scope": []string{"queue"}, "expires": "90d"})
	a := admin.Request("GET", n.tokens(), "")
	var list struct{ Tokens []hub.TokenInfo }
	a.Into(200, &list)
	if strings.Contains(a.Body, made.Token) || len(list.Tokens) != 1 {
		t.Fatalf("the list is %s", a.Body)
	}
	it := list.Tokens[0]
	if !strings.HasPrefix(made.Token, it.Prefix) || len(made.Token)-len(it.Prefix) < 20 || it.ID != made.ID || it.CreatedBy != "amy" ||
		it.User != "service/scanner" || !slices.Equal(it.Scope, []string{"queue"}) || time.Until(it.Expires) < 89*24*time.Hour {
		t.Errorf("of %s the list shows %+v", made.Token, it)
	}
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(state *channels.State) {
		for key, v := range state.All(channels.TokensStore, "").Values {
			if secret := made.Token[strings.LastIndexByte(made.Token, '_')+1:]; strings.Contains(string(v.Data), secret) {
				t.Errorf("the log has the secret under %s: %s", key, v.Data)
			}
		}
	})
}

func TestTokensAreForAdminsAndGiveNoMoreThanTheyHave(t *testing.T) {
	n, admin := tokenNode(t, nodeOptions{})
	made := n.create(t, admin, frame{"name": "a", "roles": []string{"admin"}, "scope": []string{"notes"}})
	for who, b := range map[string]*hubtest.Browser{
		"a user": n.user(t, "alice"), "staff": n.user(t, "sam"), "a service": hubtest.Program(t, n.token(t, "robot")),
		"an admin's scoped token": hubtest.Program(t, made.Token),
	} {
		b.Request("POST", n.tokens(), `{"name":"x"}`).Problem(403, "forbidden")
		b.Request("DELETE", n.tokens()+"/robot", "").Want(map[bool]int{true: 204, false: 404}[who == "a service"])
		n.token(t, "robot")
		var list struct{ Tokens []hub.TokenInfo }
		b.Request("GET", n.tokens(), "").Want(map[bool]int{true: 401, false: 200}[false])
		b.Request("GET", n.tokens(), "").Into(200, &list)
		if len(list.Tokens) > 1 || len(list.Tokens) == 1 && list.Tokens[0].ID != "robot" && list.Tokens[0].ID != made.ID {
			t.Errorf("%s sees %+v", who, list.Tokens)
		}
	}
	admin.Request("POST", n.tokens(), `{"name":"x","roles":["staff"]}`).Problem(403, "forbidden")
	n.create(t, admin, frame{"name": "ok", "roles": []string{"user", "service"}})
	for _, bad := range []string{
		`{"name":"x","expires":"-1h"}`, `{"name":"x","expires":"soon"}`, `{"name":"x","expires":"99999d"}`, `{"name":"x","expires":"2001-01-01T00:00:00Z"}`,
		`{"name":"x","scope":["Queue"]}`, `{"name":"x","scope":["a*b"]}`, `{"name":"x","scope":[""]}`, `{"name":"x","roles":["NO"]}`, `{"name":"\u0000"}`,
	} {
		admin.Request("POST", n.tokens(), bad).Problem(400, "invalid")
	}
}

func TestARevokedTokenEndsOnEveryNodeAndItsSocketsClose(t *testing.T) {
	store := natstest.Embedded(t)
	one, admin := tokenNode(t, nodeOptions{store: store})
	two, _ := tokenNode(t, nodeOptions{store: store, name: "two"})
	made := one.create(t, admin, frame{"name": "scanner"})
	here, there := hubtest.OpenToken(t, one.url, "scanner-1", made.Token), hubtest.OpenToken(t, two.url, "scanner-2", made.Token)
	admin.Request("DELETE", one.tokens()+"/"+made.ID, "").Want(204)
	for _, tab := range []*hubtest.Tab{here, there} {
		if code := tab.Ended(); code != wire.CloseSignedOut {
			t.Errorf("a socket was closed with %d", code)
		}
	}
	for _, n := range []*node{one, two} {
		hubtest.Program(t, made.Token).Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
	}
	admin.Request("DELETE", one.tokens()+"/"+made.ID, "").Problem(404, "unknown_name")
}

func TestAnExpiredTokenIsRefusedAndItsSocketsClose(t *testing.T) {
	t.Parallel()
	n, admin := tokenNode(t, nodeOptions{})
	made := n.create(t, admin, frame{"name": "scanner", "expires": "4s"})
	tab := hubtest.OpenToken(t, n.url, "scanner-1", made.Token)
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("the socket was closed with %d", code)
	}
	if late := time.Since(made.Expires); late < 0 || late > hubtest.Patience/2 {
		t.Errorf("the socket was closed %v after the token had expired", late)
	}
	hubtest.Program(t, made.Token).Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
}

func TestATokenDoesWhatItsScopeSaysAndNoMore(t *testing.T) {
	n, admin := tokenNode(t, nodeOptions{})
	made := n.create(t, admin, frame{"name": "scanner", "roles": []string{"service"}, "scope": []string{"queue", "read:notes", "lo*", "whis*"}})
	p := hubtest.Program(t, made.Token)
	p.Request("POST", n.channel("queue"), `{"set":{"k":1}}`).Want(200)
	p.Request("GET", n.channel("queue"), "").Want(200)
	p.Request("GET", n.channel("notes"), "").Want(200)
	for _, refused := range [][3]string{
		{"POST", "/channels/notes", `{"set":{"k":1}}`},
		{"PUT", "/channels/notes/k", `1`},
		{"DELETE", "/channels/notes/k", ""},
		{"GET", "/channels/chat", ""},
		{"POST", "/channels/chat", `{"data":1}`},
		{"POST", "/channels/motors", `{"set":{"x":1}}`},
		{"POST", "/channels/cursors", `{"data":1}`},
		{"POST", "/commands/stop", `{}`},
		{"POST", "/commands/wait", `{}`},
		{"GET", "/channels/control", ""},
		{"GET", "/channels/ui?all=true", ""},
		{"GET", "/export?channels=chat", ""},
		{"GET", "/channels/results?owner=mx-1", ""},
		{"GET", "/events?channels=chat", ""},
	} {
		p.Request(refused[0], n.url+"/api/v1/spaces/lab"+refused[1], refused[2]).Problem(403, "forbidden")
	}
	p.Request("POST", n.channel("whispers"), `{"data":1}`).Problem(403, "forbidden") // the scope gives no right that the role has not
	tab := hubtest.OpenToken(t, n.url, "scanner-1", made.Token)
	tab.Refused(write("notes", "k", 1), "forbidden")
	tab.Refused(join("chat"), "forbidden")
	tab.Refused(frame{"type": "serve", "commands": []string{"wait"}}, "forbidden")
	tab.Refused(frame{"type": "lock", "name": "table"}, "forbidden")
	tab.Refused(frame{"type": "transact", "writes": []frame{{"channel": "queue", "set": frame{"k": 2}}, {"channel": "notes", "set": frame{"k": 2}}}}, "forbidden")
	tab.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	tab.Do(join("notes"), "joined", nil)
	if names := keysOf(tab.Welcome.Channels); !slices.Equal(names, []string{"notes", "queue"}) {
		t.Errorf("it is told of the channels %v", names)
	}
	if names := keysOf(tab.Welcome.Commands); !slices.Equal(names, []string{"look"}) {
		t.Errorf("it is told of the commands %v", names)
	}
}

func keysOf[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestABearerActsAsThePersonAndIsNoLoginSession(t *testing.T) {
	n, _ := tokenNode(t, nodeOptions{policy: session.Policy{OtherUser: session.Observe}})
	nobody := hubtest.NewBrowser(t)
	bearer := n.url + "/api/v1/bearer"
	nobody.Request("POST", bearer, `{"space":"lab","user":"alice","password":"wrong"}`).Problem(401, "wrong_credentials")
	nobody.Request("POST", bearer, `{"space":"no","user":"alice","password":"alice"}`).Problem(404, "unknown_name")
	nobody.Request("POST", bearer, `{"space":"lab","user":"alice","password":"alice","expires":"13h"}`).Problem(400, "invalid")
	if a := nobody.Request("POST", bearer, `{"space":"lab","user":"alice","password":["HUSH"]}`); a.Status != 400 || strings.Contains(a.Body, "HUSH") {
		t.Errorf("a bad body was answered %d %s", a.Status, a.Body)
	}
	var made issued
	nobody.Request("POST", bearer, `{"space":"lab","user":"alice","password":"alice"}`).Into(201, &made)
	if len(nobody.Cookies(n.url)) != 0 || time.Until(made.Expires) > time.Hour || time.Until(made.Expires) < 50*time.Minute {
		t.Errorf("cookies %v, good until %v", nobody.Cookies(n.url), made.Expires)
	}
	script := hubtest.Program(t, made.Token)
	script.Request("POST", n.channel("notes"), `{"set":{"k":"mine"}}`).Want(200)
	script.Request("PUT", n.channel("ui")+"/k", `1`).Want(200)
	browser, tab := n.open(t, "alice")
	if a := browser.Request("GET", n.channel("ui")+"/k", ""); a.Body != "1\n" || a.Header.Get("Baton-By") != "alice" {
		t.Errorf("the browser of the same person reads %s by %s", a.Body, a.Header.Get("Baton-By"))
	}
	script.Request("POST", n.url+"/api/v1/spaces/lab/control/request", `{}`).Problem(403, "forbidden")
	tab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	tab.Refused(frame{"type": "control", "do": "give", "session": made.ID}, "unknown_name")
	var list struct{ Tokens []hub.TokenInfo }
	browser.Request("GET", n.tokens(), "").Into(200, &list)
	if len(list.Tokens) != 1 || list.Tokens[0].ID != made.ID || list.Tokens[0].Kind != "bearer" {
		t.Errorf("alice sees %+v of her own", list.Tokens)
	}
	n.user(t, "bob").Request("DELETE", n.tokens()+"/"+made.ID, "").Problem(404, "unknown_name")
	socket := hubtest.OpenToken(t, n.url, "script-1", made.Token)
	browser.Request("DELETE", n.tokens()+"/"+made.ID, "").Want(204)
	if code := socket.Ended(); code != wire.CloseSignedOut {
		t.Errorf("the socket was closed with %d", code)
	}
	script.Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
}

func TestATicketOpensOneSocketOfTheLoginSessionThatAsked(t *testing.T) {
	const page = "https://page.example"
	n, admin := tokenNode(t, nodeOptions{more: func(o *hub.Options) { o.Origins = []string{page} }})
	alice := n.user(t, "alice")
	var ticket struct {
		Ticket    string
		ExpiresMS int64 `json:"expires_ms"`
	}
	ask := func(b *hubtest.Browser, body string, headers ...string) string {
		b.Request("POST", n.url+"/api/v1/tickets", body, headers...).Into(201, &ticket)
		return ticket.Ticket
	}
	dial := func(ticket, origin string) (*websocket.Conn, *http.Response, error) {
		o := &websocket.DialOptions{HTTPHeader: http.Header{}}
		if origin != "" {
			o.HTTPHeader.Set("Origin", origin)
		}
		return hubtest.TryDial(t, n.url, "page-1&ticket="+ticket, o)
	}
	refused := func(what, ticket, origin string) {
		t.Helper()
		if socket, response, err := dial(ticket, origin); err == nil || response == nil || response.StatusCode != 401 {
			t.Errorf("%s: %v, %+v", what, err, response)
			if socket != nil {
				_ = socket.CloseNow()
			}
		}
	}
	first := ask(alice, "", "Origin", page)
	refused("another origin", first, n.url)
	refused("no origin", first, "")
	refused("another secret", first[:len(first)-4]+"AAAA", page)
	tab := hubtest.Dial(t, n.url, "page-1&ticket="+first, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {page}}})
	if tab.Welcome.You.User != "alice" {
		t.Errorf("the socket is of %+v", tab.Welcome.You)
	}
	refused("a second use", first, page)
	alice.Request("POST", n.url+"/api/v1/tickets", `{"origin":"https://evil.example"}`).Problem(403, "origin")
	program := hubtest.Program(t, n.create(t, admin, frame{"name": "backend"}).Token)
	for origin, given := range map[string]string{page: ask(program, `{"origin":"`+page+`"}`), "": ask(program, "")} {
		o := &websocket.DialOptions{HTTPHeader: http.Header{}}
		if origin != "" {
			o.HTTPHeader.Set("Origin", origin)
		}
		socket, _, err := hubtest.TryDial(t, n.url, "page-2&ticket="+given, o)
		if err != nil {
			t.Fatalf("a ticket for %q: %v", origin, err)
		}
		_ = socket.CloseNow()
	}
	late := ask(alice, "", "Origin", page)
	alice.Request("DELETE", n.url+"/api/v1/session", "").Want(204)
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("signing out closed the socket with %d", code)
	}
	refused("signed out", late, page)
	refused("nonsense", "nonsense", page)
}

func TestATicketIsTakenOnceThoughTwoNodesAreGivenItAtOnce(t *testing.T) {
	store := natstest.Embedded(t)
	one, two := newNode(t, nodeOptions{store: store}), newNode(t, nodeOptions{store: store, name: "two"})
	alice := one.user(t, "alice")
	for range 10 {
		var ticket struct{ Ticket string }
		alice.Request("POST", one.url+"/api/v1/tickets", "").Into(201, &ticket)
		var opened sync.WaitGroup
		sockets := make(chan *websocket.Conn, 8)
		for i := range cap(sockets) {
			opened.Go(func() {
				url := []string{one.url, two.url}[i%2]
				if socket, _, err := hubtest.TryDial(t, url, "page-1&ticket="+ticket.Ticket, &websocket.DialOptions{}); err == nil {
					sockets <- socket
				}
			})
		}
		opened.Wait()
		if len(sockets) != 1 {
			t.Fatalf("one ticket opened %d sockets", len(sockets))
		}
		_ = (<-sockets).CloseNow()
	}
}

func TestTicketsThatNobodyUsesAreBounded(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	for range session.MaxTickets {
		alice.Request("POST", n.url+"/api/v1/tickets", "").Want(201)
	}
	alice.Request("POST", n.url+"/api/v1/tickets", "").Problem(429, "too_many")
	n.user(t, "bob").Request("POST", n.url+"/api/v1/tickets", "").Want(201)
}

func TestAScriptEndsItsOwnBearerAndAProgramNotItsToken(t *testing.T) {
	n, admin := tokenNode(t, nodeOptions{})
	var made issued
	hubtest.NewBrowser(t).Request("POST", n.url+"/api/v1/bearer", `{"space":"lab","user":"alice","password":"alice"}`).Into(201, &made)
	script, program := hubtest.Program(t, made.Token), hubtest.Program(t, n.create(t, admin, frame{"name": "robot"}).Token)
	tab := hubtest.OpenToken(t, n.url, "script-1", made.Token)
	script.Request("DELETE", n.url+"/api/v1/session", "").Want(204)
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("its socket was closed with %d", code)
	}
	script.Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
	hubtest.NewBrowser(t).Request("POST", n.url+"/api/v1/bearer", `{"space":"lab","user":"alice","password":"alice"}`).Into(201, &made)
	alice := n.user(t, "alice")
	alice.Request("DELETE", n.url+"/api/v1/session", "", "Authorization", "Bearer "+made.Token).Want(204)
	who(alice, n) // the cookie that came along is good
	program.Request("DELETE", n.url+"/api/v1/session", "").Problem(404, "unknown_name")
	program.Request("GET", n.channel("notes"), "").Want(200)
}

func TestAScopedTokenOfAnAdminLooksAfterNobody(t *testing.T) {
	n, admin := tokenNode(t, nodeOptions{})
	whole := hubtest.Program(t, n.create(t, admin, frame{"name": "a", "roles": []string{"admin"}}).Token)
	scoped := hubtest.Program(t, n.create(t, admin, frame{"name": "b", "roles": []string{"admin"}, "scope": []string{"notes"}}).Token)
	_, tab := n.open(t, "alice")
	alice := n.url + "/api/v1/sessions/" + tab.Welcome.Session
	scoped.Request("GET", n.url+"/api/v1/sessions?all=true", "").Problem(403, "forbidden")
	scoped.Request("DELETE", alice, "").Problem(404, "unknown_name")
	scoped.Request("GET", n.url+"/api/v1/spaces/lab/export?channels=chat", "").Problem(403, "forbidden")
	whole.Request("POST", n.channel("chat"), `{"data":1}`).Want(200)
	lines := whole.Request("GET", n.url+"/api/v1/spaces/lab/export?channels=chat", "")
	lines.Want(200)
	scoped.Request("PUT", n.url+"/api/v1/spaces/lab/import?id=import-1", lines.Body, "Content-Type", "application/x-ndjson").Problem(403, "forbidden")
	whole.Request("GET", n.url+"/api/v1/sessions?all=true", "").Want(200)
	whole.Request("DELETE", alice, "").Want(204)
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("the socket was closed with %d", code)
	}
}
