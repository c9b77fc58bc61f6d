package hub_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/hub/hubtest"
)

// bulk is JSON of 48 KB.
var bulk = `["` + strings.Repeat(strings.Repeat("x", 16000)+`","`, 2) + strings.Repeat("x", 16000) + `"]`

// fill makes a log of some MiB.
func fill(t *testing.T, n *node, mebibytes int) {
	t.Helper()
	robot := hubtest.Program(t, n.token(t, "filler"))
	data := `{"data":` + bulk + `}`
	for range mebibytes << 20 / len(data) {
		robot.Request("POST", n.channel("chat"), data).Want(200)
	}
}

// ask sends a request for a channel on a connection of its own, and reads nothing of the answer.
func ask(t *testing.T, n *node, token, path string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(8 << 10); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "GET /api/v1/spaces/lab/channels/%s HTTP/1.1\r\nHost: x\r\nAuthorization: bearer %s\r\n\r\n", path, token)
	if err != nil {
		t.Fatal(err)
	}
}

// TestAnAnswerThatNobodyReadsIsGivenUp takes as long as an answer may stand still.
func TestAnAnswerThatNobodyReadsIsGivenUp(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{buffer: 8 << 10})
	fill(t, n, 2)
	token := n.token(t, "robot")
	robot := hubtest.Program(t, token)
	begin := time.Now()
	for range 4 {
		ask(t, n, token, "chat")
	}
	// A small answer comes all the same; a large one waits, and comes when those are given up.
	robot.Request("GET", n.channel("notes"), "").Want(200)
	until(t, "the turns are taken", func() bool { return robot.Request("GET", n.channel("chat"), "").Status == 429 })
	until(t, "they are given up", func() bool { return robot.Request("GET", n.channel("chat"), "").Status == 200 })
	if took := time.Since(begin); took > 60*time.Second {
		t.Errorf("they stood still for %s", took)
	}
}

func TestAConnectionIsUsedAgainAfterItsLastAnswerHasHadItsTime(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	alice := n.user(t, "alice")
	begin := time.Now()
	var p page
	for time.Since(begin) < 11*time.Second { // longer than an answer may stand still
		alice.Request("GET", n.channel("notes")+"?wait=6s&since="+p.Cursor, "").Into(200, &p)
	}
}

func TestEverybodysValuesComeInPagesOfWholeOwners(t *testing.T) {
	n := newNode(t, nodeOptions{})
	sam := n.user(t, "sam")
	users := []string{"alice", "bob", "sam"}
	for _, name := range users {
		b := n.user(t, name)
		for i := range 35 {
			until(t, "it is written", func() bool {
				return b.Request("PUT", n.channel("ui")+fmt.Sprint("/k", i), bulk).Status == http.StatusOK
			})
		}
	}
	seen, pages, after := map[string]int{}, 0, ""
	for {
		var p struct {
			page
			After string
		}
		sam.Request("GET", n.channel("ui")+"?all=true&after="+after, "").Into(200, &p)
		pages++
		for owner, values := range p.Owners {
			seen[owner] += len(values)
		}
		if !p.Incomplete {
			break
		}
		if p.NextMS != 0 || p.After <= after {
			t.Fatalf("to go on: %q, %d ms", p.After, p.NextMS)
		}
		after = p.After
	}
	if pages != 2 || len(seen) != 3 || seen["alice"] != 35 || seen["bob"] != 35 || seen["sam"] != 35 {
		t.Errorf("%d pages with %v", pages, seen)
	}
	sam.Request("GET", n.channel("ui")+"?after=a", "").Problem(400, "invalid")
}

func TestARequestThatWaitsEndsAtOnceWithItsSession(t *testing.T) {
	one, two, _ := twoNodes(t)
	b := one.user(t, "alice")
	c := cursorOf(t, one)
	answers := make(chan *hubtest.Answer)
	for _, n := range []*node{one, two} {
		go func() { answers <- b.Request("GET", n.channel("notes")+"?wait=20s&since="+c, "") }()
	}
	waiting := time.After(300 * time.Millisecond) // that they wait cannot be seen from outside
	<-waiting
	begin := time.Now()
	b.Request("DELETE", one.url+"/api/v1/session", "").Want(204)
	for range 2 {
		(<-answers).Problem(401, "signed_out")
	}
	if took := time.Since(begin); took > 10*time.Second { // half of what they wait
		t.Errorf("it took %s", took)
	}
}

func TestALiveStoreThatIsFollowedOnAnotherNodeIsReadAnewNowAndThen(t *testing.T) {
	one, two, _ := twoNodes(t)
	robot := hubtest.Program(t, one.token(t, "robot"))
	robot.Request("POST", one.channel("motors"), `{"set":{"x":1}}`).Want(200)
	var p page
	robot.Request("GET", one.channel("motors"), "").Into(200, &p)
	if p.MustReset || p.Reason != "new" {
		t.Errorf("the first is %+v", p)
	}
	until(t, "the other node has it", func() bool {
		robot.Request("GET", two.channel("motors")+"?wait=5s&since="+p.Cursor, "").Into(200, &p)
		return len(p.Values) > 0
	})
	robot.Request("GET", one.channel("motors")+"?wait=5s&since="+p.Cursor, "").Into(200, &p)
	if !p.MustReset || p.Reason != "epoch" || p.NextMS < 200 || len(p.Values) != 1 {
		t.Errorf("elsewhere it is %+v", p)
	}
}

func TestAnImportHasItsContentType(t *testing.T) {
	n := newNode(t, nodeOptions{})
	sam := n.user(t, "sam")
	head := `{"baton":1,"space":"lab"}` + "\n"
	for _, kind := range []string{"text/plain", "application/json", ""} {
		sam.Request("PUT", n.url+"/api/v1/spaces/lab/import?id=some-1", head, "Content-Type", kind).Problem(415, "invalid")
	}
	sam.Request("PUT", n.url+"/api/v1/spaces/lab/import?id=some-1", head, "Content-Type", "application/x-ndjson").Want(200)
}
