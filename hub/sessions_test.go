package hub_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

// signIn tries to sign in with the password that is the user's name.
func signIn(b *hubtest.Browser, n *node, user string, more map[string]any) *hubtest.Answer {
	body := map[string]any{"space": "lab", "user": user, "password": user}
	for key, value := range more {
		body[key] = value
	}
	data, _ := json.Marshal(body)
	return b.Request("POST", n.url+"/api/v1/session", string(data))
}

// who returns who the hub says is signed in.
func who(b *hubtest.Browser, n *node) (answer struct{ Session string }) {
	b.Request("GET", n.url+"/api/v1/session", "").Into(http.StatusOK, &answer)
	return answer
}

// listed is one login session of a list.
type listed struct {
	Session, User, From, Agent string
	Since                      time.Time
	LastActive                 time.Time `json:"last_active"`
	Tabs                       int
	InControl                  bool `json:"in_control"`
	Current                    bool
}

func sessions(b *hubtest.Browser, n *node, query string) (page struct {
	Sessions   []listed
	After      string
	Incomplete bool
},
) {
	b.Request("GET", n.url+"/api/v1/sessions"+query, "").Into(http.StatusOK, &page)
	return page
}

func TestAskNamesTheOtherLoginSessionAndReplaceEndsItBeforeTheAnswer(t *testing.T) {
	p := newPair(t, session.Policy{SameUser: session.Ask})
	first, tab := p.one.open(t, "alice")
	tab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	second := hubtest.NewBrowser(t)

	problem := signIn(second, p.two, "alice", nil).Problem(http.StatusConflict, "signed_in_elsewhere")
	others, _ := problem["sessions"].([]any)
	if len(others) != 1 || problem["may"].([]any)[0] != "replace" {
		t.Fatalf("told %v", problem)
	}
	if other := others[0].(map[string]any); other["session"] != tab.Welcome.Session || other["in_control"] != true || other["from"] != "127.0.0.1" {
		t.Errorf("the other login session is %v", other)
	}
	if strings.Contains(signIn(second, p.two, "alice", nil).Body, "hash") {
		t.Error("a refusal shows what a cookie is checked by")
	}
	who(first, p.one) // she was not disturbed

	signIn(second, p.two, "alice", map[string]any{"replace": true}).Want(http.StatusOK)
	select { // it was closed before the answer; hearing of it takes a moment, of a busy machine too
	case <-ended(tab):
	case <-time.After(hubtest.Patience / 2):
		t.Error("the replaced tab, on the other node, is still open after the answer")
	}
	var bye wire.Bye
	tab.Expect("bye", &bye)
	if bye.Code != wire.CloseReplaced || bye.Reason != "Alice signed in on another computer (127.0.0.1)" {
		t.Errorf("the replaced tab hears %+v", bye)
	}
	gone := first.Request("GET", p.one.url+"/api/v1/session", "").Problem(http.StatusUnauthorized, "signed_out")
	if how, _ := gone["ended"].(map[string]any); how["how"] != "replaced" || how["by"].(map[string]any)["user"] != "alice" {
		t.Errorf("the dead cookie is told %v", gone)
	}
	if back := second.Open(p.one.url, "alice-again"); back.Welcome.Control.Operator != nil {
		t.Errorf("signing in has given control: %+v", back.Welcome.Control)
	}
}

// ended is closed when the tab is.
func ended(tab *hubtest.Tab) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); tab.Ended() }()
	return done
}

func TestLoginSessionsAreListedAndEndedByTheirPersonAndByAdministrators(t *testing.T) {
	p := newPair(t, session.Policy{})
	laptop, laptopTab := p.one.open(t, "alice")
	desk := hubtest.NewBrowser(t)
	signIn(desk, p.two, "alice", nil).Want(http.StatusOK)
	deskTab := desk.Open(p.two.url, "alice-desk")
	_, bobTab := p.two.open(t, "bob")
	laptopTab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)

	mine := sessions(desk, p.two, "")
	until(t, "the other node's word of its tabs has come, and who is in control", func() bool {
		mine = sessions(desk, p.two, "")
		return len(mine.Sessions) != 2 || mine.Sessions[0].Tabs > 0 && mine.Sessions[1].Tabs > 0 && mine.Sessions[0].InControl != mine.Sessions[1].InControl
	})
	if len(mine.Sessions) != 2 || mine.Incomplete {
		t.Fatalf("listed are %+v", mine)
	}
	for _, s := range mine.Sessions {
		current := s.Session == deskTab.Welcome.Session
		if s.User != "alice" || s.Tabs != 1 || s.Current != current || s.InControl == current || s.From != "127.0.0.1" || s.Agent == "" ||
			time.Since(s.Since) > time.Minute || time.Since(s.LastActive) > time.Minute {
			t.Errorf("listed is %+v", s)
		}
	}
	laptop.Request("GET", p.one.url+"/api/v1/sessions?all=true", "").Problem(http.StatusForbidden, "forbidden")
	laptop.Request("DELETE", p.one.url+"/api/v1/sessions/"+bobTab.Welcome.Session, "").Problem(http.StatusNotFound, "unknown_name")

	desk.Request("DELETE", p.two.url+"/api/v1/sessions/"+laptopTab.Welcome.Session, "").Want(http.StatusNoContent)
	select {
	case <-ended(laptopTab):
	case <-time.After(hubtest.Patience / 2):
		t.Error("the tab on the other node is still open after the answer")
	}

	ada := hubtest.NewBrowser(t)
	signIn(ada, p.one, "ada", nil).Want(http.StatusOK)
	all := sessions(ada, p.one, "?all=true&limit=2")
	if len(all.Sessions) != 2 || !all.Incomplete || all.After != all.Sessions[1].Session {
		t.Fatalf("the first page is %+v", all)
	}
	if rest := sessions(ada, p.one, "?all=true&limit=2&after="+all.After); len(rest.Sessions) != 1 || rest.Incomplete {
		t.Errorf("the second page is %+v", rest)
	}
	ada.Request("DELETE", p.one.url+"/api/v1/sessions/"+bobTab.Welcome.Session+"?reason=the+lab+closes", "").Want(http.StatusNoContent)
	var bye wire.Bye
	bobTab.Expect("bye", &bye)
	if bye.Code != wire.CloseSignedOut || bye.Reason != "ended by Ada (127.0.0.1): the lab closes" {
		t.Errorf("bob hears %+v", bye)
	}
}

// runningLab is a node whose instrument runs while notes/state is running.
func runningLab(t *testing.T, policy session.Policy) *node {
	t.Helper()
	policy.Busy = &session.Busy{Store: "notes", Key: "state", Is: []json.RawMessage{json.RawMessage(`"running"`)}}
	return newNode(t, nodeOptions{policy: policy})
}

func TestLogoutIsRefusedWhileTheQueueRunsAndNothingHasEnded(t *testing.T) {
	n := runningLab(t, session.Policy{})
	alice, tab := n.open(t, "alice")
	tab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	tab.Do(write("notes", "state", "running"), "written", nil)
	problem := alice.Request("DELETE", n.url+"/api/v1/session", "").Problem(http.StatusConflict, "busy")
	if problem["may_force"] != false || problem["busy"].(map[string]any)["channel"] != "notes" {
		t.Errorf("told %v", problem)
	}
	who(alice, n)
	tab.Do(write("notes", "k", 1), "written", nil)
	alice.Request("DELETE", n.url+"/api/v1/session?force=true&reason=x", "").Problem(http.StatusForbidden, "forbidden")
	tab.Do(write("notes", "state", "idle"), "written", nil)
	alice.Request("DELETE", n.url+"/api/v1/session", "").Want(http.StatusNoContent)
	alice.Request("GET", n.url+"/api/v1/session", "").Problem(http.StatusUnauthorized, "signed_out")
}

// forget takes what entering the password has allowed, as the sweep does after a while.
func (n *node) forget(t *testing.T, id string) {
	t.Helper()
	space, err := n.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	var at uint64
	space.Read(func(s *channels.State) { at = session.Confirmations(s)[id] })
	if o := space.House(t.Context(), session.Unconfirm(id, at)); o.Err != nil {
		t.Fatal(o.Err)
	}
}

func TestEnteringThePasswordAgainRenewsTheTokenAndAllowsWhatNeedsIt(t *testing.T) {
	n := runningLab(t, session.Policy{Take: session.RefusedWhileRunning})
	_, aliceTab := n.open(t, "alice")
	aliceTab.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	sam, samTab := n.open(t, "sam")
	n.forget(t, samTab.Welcome.Session)
	take := frame{"type": "control", "do": "take", "reason": "the crane"}
	samTab.Refused(take, "confirm")
	sam.Request("POST", n.url+"/api/v1/spaces/lab/control/take", `{"reason":"the crane"}`).Problem(http.StatusForbidden, "confirm")

	before := sam.Cookies(n.url)
	confirm := func(password string) *hubtest.Answer {
		return sam.Request("POST", n.url+"/api/v1/session/confirm", `{"password":"`+password+`"}`)
	}
	confirm("wrong").Problem(http.StatusUnauthorized, "wrong_credentials")
	confirm("alice").Problem(http.StatusUnauthorized, "wrong_credentials")
	var answer struct {
		Session   string
		Confirmed bool
	}
	confirm("sam").Into(http.StatusOK, &answer)
	if answer.Session != samTab.Welcome.Session || !answer.Confirmed {
		t.Errorf("answered %+v", answer)
	}
	old := hubtest.NewBrowser(t)
	old.SetCookies(n.url, before)
	old.Request("GET", n.url+"/api/v1/session", "").Problem(http.StatusUnauthorized, "signed_out")

	aliceTab.Do(write("notes", "state", "running"), "written", nil)
	samTab.Refused(take, "busy") // the socket of before goes on
	samTab.Do(with(take, "force", true), "controlled", nil)
	var seat wire.ControlState
	aliceTab.Wait("sam in control", func(f hubtest.Frame) bool {
		return f.Type == "control" && json.Unmarshal(f.Data, &seat) == nil && seat.Operator != nil && seat.Operator.User == "sam"
	})
}

func TestTwoTabsThatEnterThePasswordAtOnceLeaveTheirBrowserSignedIn(t *testing.T) {
	n := newNode(t, nodeOptions{policy: session.Policy{SameUser: session.Replace}})
	for range 30 {
		b := hubtest.NewBrowser(t)
		signIn(b, n, "sam", nil).Want(http.StatusOK)
		tabs := [2]*hubtest.Browser{b, hubtest.NewBrowser(t)}
		tabs[1].SetCookies(n.url, b.Cookies(n.url))
		var confirmed [2]struct{ Confirmed bool }
		var renewed [2][]string
		var asking sync.WaitGroup
		for i, tab := range tabs {
			asking.Go(func() {
				answer := tab.Request("POST", n.url+"/api/v1/session/confirm", `{"password":"sam"}`)
				if answer.Status == http.StatusUnauthorized { // it came when the other had the token already
					confirmed[i].Confirmed = true
					return
				}
				answer.Into(http.StatusOK, &confirmed[i])
				renewed[i] = answer.Header.Values("Set-Cookie")
			})
		}
		asking.Wait()
		if !confirmed[0].Confirmed || !confirmed[1].Confirmed || len(renewed[0])+len(renewed[1]) != 1 {
			t.Fatalf("answered %v, with the cookies %v", confirmed, renewed)
		}
	}
}

func TestTheQueueIsStoppedAtOnceWhenTheLastTabOfTheOperatorIsClosed(t *testing.T) {
	n := runningLab(t, session.Policy{Linger: -1, OnLost: session.OnLost{Call: "stop", At: session.AtLost}})
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"stop"}}, "serving", nil)
	alice, first := n.open(t, "alice")
	second := alice.Open(n.url, "alice-second")
	first.Do(frame{"type": "control", "do": "request"}, "controlled", nil)
	first.Do(write("notes", "state", "running"), "written", nil)
	_ = first.Socket.CloseNow()
	second.Do(write("notes", "k", 1), "written", nil) // one tab is enough
	_ = second.Socket.CloseNow()
	var call wire.Invoke
	service.Expect("invoke", &call)
	if call.Command != "stop" || call.By.User != "service/hub" {
		t.Errorf("the service is asked for %+v", call)
	}
	back := alice.Open(n.url, "alice-back")
	if op := back.Welcome.Control.Operator; op == nil || op.User != "alice" {
		t.Errorf("after a reload the seat is %+v", back.Welcome.Control)
	}
	service.Do(frame{"type": "done", "call": call.Call}, "written", nil)
}

func TestASignInIsForOneOfOnesProposals(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := hubtest.NewBrowser(t)
	signIn(alice, n, "alice", map[string]any{"proposal": "mx-9999"}).Problem(http.StatusForbidden, "forbidden")
	var in struct {
		You       wire.You
		Proposals []string
	}
	signIn(alice, n, "alice", map[string]any{"proposal": "mx-2112"}).Into(http.StatusOK, &in)
	if in.You.Proposal != "mx-2112" || len(in.Proposals) != 1 {
		t.Errorf("signed in as %+v", in)
	}
}
