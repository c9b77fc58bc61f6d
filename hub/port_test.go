package hub_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// ndjson is a whole export made of these lines.
func ndjson(lines ...string) string {
	return `{"baton":1}` + "\n" + strings.Join(lines, "\n") + "\n" + `{"end":{}}` + "\n"
}

// port makes a request whose body is a stream, as a person, and returns the status and the answer.
func port(t *testing.T, b *hubtest.Browser, url, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+"/api/v1/spaces/lab/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-ndjson")
	}
	for _, cookie := range b.Cookies(url) {
		r.AddCookie(cookie)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func signedIn(t *testing.T, n *node, user string) *hubtest.Browser {
	b := hubtest.NewBrowser(t)
	b.SignIn(n.url, "lab", user)
	return b
}

func TestWhatIsImportedOverHTTPIsExportedAgain(t *testing.T) {
	n := newNode(t, nodeOptions{})
	sam, alice := signedIn(t, n, "sam"), signedIn(t, n, "alice")
	text := ndjson(
		`{"channel":"notes","key":"a","value":{"x":[1,"é"]}}`, `{"channel":"chat","data":"one"}`, `{"channel":"chat","data":"two"}`,
	)
	status, answer := port(t, sam, n.url, "PUT", "import?id=first", text)
	var report channels.ImportReport
	if err := json.Unmarshal([]byte(answer), &report); err != nil || status != 200 || report.State != channels.ImportDone || report.Line != 5 {
		t.Fatalf("it answered %d %s", status, answer)
	}
	hers := ndjson(`{"channel":"ui","owner":"alice","key":"tab","value":null}`)
	if status, answer := port(t, alice, n.url, "PUT", "import?id=hers", hers); status != 200 {
		t.Errorf("alice's own: %d %s", status, answer)
	}
	if status, answer = port(t, sam, n.url, "GET", "import?id=first", ""); status != 200 || !strings.Contains(answer, `"state":"done"`) {
		t.Errorf("the import is %d %s", status, answer)
	}
	status, answer = port(t, sam, n.url, "GET", "export", "")
	for _, want := range []string{`"value":{"x":[1,"é"]}`, `"owner":"alice","key":"tab","value":null`, `"data":"one"`, `"by":"sam"`, `{"end":{"values":2,"deleted":0,"messages":`} {
		if status != 200 || !strings.Contains(answer, want) {
			t.Errorf("the export has no %s: %d %s", want, status, answer)
		}
	}
	status, answer = port(t, alice, n.url, "GET", "export?owner=me", "")
	if status != 200 || !strings.Contains(answer, `"tab"`) || strings.Contains(answer, `"notes"`) || strings.Contains(answer, `"one"`) {
		t.Errorf("alice's own: %d %s", status, answer)
	}
}

func TestAnImportThatIsRefusedSaysWhereAndTheRestCanBeSentByItself(t *testing.T) {
	n := newNode(t, nodeOptions{})
	sam, alice := signedIn(t, n, "sam"), signedIn(t, n, "alice")
	good := `{"channel":"notes","key":"a","value":1}`
	for what, c := range map[string]struct {
		who    *hubtest.Browser
		path   string
		body   string
		status int
		says   []string
	}{
		"an unknown channel":    {sam, "import?id=one1", ndjson(good, `{"channel":"nowhere","key":"a","value":1}`), 404, []string{`"line":3`, `"channel":"nowhere"`, `"done":0`}},
		"a name twice":          {sam, "import?id=two2", ndjson(`{"channel":"notes","key":"a","value":{"x":1,"x":2}}`), 400, []string{`"line":2`}},
		"nothing that names it": {sam, "import", ndjson(good), 400, []string{"id of an import"}},
		"what is somebody's":    {alice, "import?id=four", ndjson(`{"channel":"ui","owner":"bob","key":"a","value":1}`), 403, []string{`"line":2`}},
		"for others":            {alice, "import?id=five", ndjson(`{"channel":"secret","key":"a","value":1}`), 403, []string{`"line":2`}},
		"the rest of nothing":   {sam, "import?id=six6&from=7", good, 409, []string{`"line":0`}},
		"a dry run":             {alice, "import?dry_run=true", ndjson(`{"channel":"secret","key":"a","value":1}`), 200, []string{`"refused_lines":1`, `"code":"forbidden"`}},
		"an unknown import":     {sam, "import?id=nope", "", 404, []string{"begin it"}},
	} {
		method := "PUT"
		if what == "an unknown import" {
			method = "GET"
		}
		status, answer := port(t, c.who, n.url, method, c.path, c.body)
		for _, want := range c.says {
			if status != c.status || !strings.Contains(answer, want) {
				t.Errorf("%s: %d %s, want %d with %s", what, status, answer, c.status, want)
			}
		}
	}
	whole := strings.SplitAfter(ndjson(good, `{"channel":"chat","data":1}`, `{"channel":"chat","data":2}`), "\n")
	if status, answer := port(t, sam, n.url, "PUT", "import?id=parts", strings.Join(whole[:3], "")); status != 200 || !strings.Contains(answer, `"state":"open","line":3`) {
		t.Fatalf("the first part: %d %s", status, answer)
	}
	if status, answer := port(t, sam, n.url, "PUT", "import?id=parts&from=3", strings.Join(whole[3:], "")); status != 200 || !strings.Contains(answer, `"appended":2`) {
		t.Errorf("the rest: %d %s", status, answer)
	}
}

func TestALargeImportThatIsRefusedAtItsBeginningHearsWhy(t *testing.T) {
	n := newNode(t, nodeOptions{})
	sam := signedIn(t, n, "sam")
	lines := []string{`{"channel":"nowhere","key":"a","value":1}`}
	for i := range 60_000 {
		lines = append(lines, fmt.Sprintf(`{"channel":"notes","key":"k%d","value":"%s"}`, i, strings.Repeat("x", 40)))
	}
	if status, answer := port(t, sam, n.url, "PUT", "import?id=large", ndjson(lines...)); status != 404 || !strings.Contains(answer, `"line":2`) {
		t.Errorf("it answered %d %s", status, answer)
	}
}

func TestWhoMayNotExportGetsAProblemAndNoStream(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice := signedIn(t, n, "alice")
	for path, want := range map[string]int{
		"export": 403, "export?channels=secret": 403, "export?channels=motors": 400, "export?channels=nowhere": 404,
		"export?channels=ui": 403, "export?channels=ui&owner=bob": 403, "export?channels=notes,chat": 200, "export?channels=ui&owner=alice": 200,
	} {
		if status, answer := port(t, alice, n.url, "GET", path, ""); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, answer, want)
		}
	}
	if status, _ := port(t, hubtest.NewBrowser(t), n.url, "GET", "export", ""); status != 401 {
		t.Errorf("a stranger: %d", status)
	}
}

// told is a hub.Job that remembers.
type told struct{ b *bytes.Buffer }

func (j told) From(done int)         { fmt.Fprintf(j.b, "from %d;", done) }
func (j told) Moved(done, total int) { fmt.Fprintf(j.b, "%d of %d;", done, total) }
func (j told) Ended(err error)       { fmt.Fprintf(j.b, "%v;", err) }

func TestExportsAndImportsTellHowFarTheyAre(t *testing.T) {
	jobs := map[string]*bytes.Buffer{}
	n := newNode(t, nodeOptions{more: func(o *hub.Options) {
		o.Job = func(name, space string) hub.Job {
			jobs[name+" "+space] = &bytes.Buffer{}
			return told{jobs[name+" "+space]}
		}
	}})
	sam := signedIn(t, n, "sam")
	text := strings.Replace(ndjson(`{"channel":"notes","key":"a","value":1}`), `{"baton":1}`, `{"baton":1,"values":1,"messages":0}`, 1)
	port(t, sam, n.url, "PUT", "import?id=jobs", text)
	port(t, sam, n.url, "GET", "export?channels=notes", "")
	n.close() // so that both are over
	if got := jobs["import lab"].String(); got != "from 0;3 of 3;<nil>;" {
		t.Errorf("the import told %s", got)
	}
	if got := jobs["export lab"].String(); got != "1 of 1;<nil>;" {
		t.Errorf("the export told %s", got)
	}
}

func TestAServiceReachesByExportAndImportOnlyWhatItMayReadAndWrite(t *testing.T) {
	n := newNode(t, nodeOptions{})
	robot := hubtest.Program(t, n.token(t, "robot"))
	n.user(t, "sam").Request("PUT", n.channel("secret")+"/k", `"staff only"`).Want(200)
	at := n.url + "/api/v1/spaces/lab/"
	robot.Request("GET", at+"export?channels=secret", "").Problem(403, "forbidden")
	whole := robot.Request("GET", at+"export", "")
	whole.Want(200)
	if strings.Contains(whole.Body, "staff only") || !strings.Contains(whole.Body, `"withheld":["secret"]`) {
		t.Errorf("a service exports %s", whole.Body)
	}
	for id, line := range map[string]string{
		"secret": `{"channel":"secret","key":"k","value":"by robot"}`, "others": `{"channel":"ui","owner":"sam","key":"k","value":"by robot"}`,
	} {
		robot.Request("PUT", at+"import?id="+id, ndjson(line), "Content-Type", "application/x-ndjson").Problem(403, "forbidden")
	}
}

func TestWhatIsExportedCanBeImportedHoweverDeepItIs(t *testing.T) {
	n := newNode(t, nodeOptions{})
	sam := n.user(t, "sam")
	at := n.url + "/api/v1/spaces/lab/"
	deep := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	sam.Request("PUT", n.channel("notes")+"/deep", deep(wire.MaxDepth)).Want(200)
	exported := sam.Request("GET", at+"export?channels=notes", "").Body
	sam.Request("DELETE", n.channel("notes")+"/deep", "").Want(200)
	sam.Request("PUT", at+"import?id=deep", exported, "Content-Type", "application/x-ndjson").Want(200)
	if got := sam.Request("GET", n.channel("notes")+"/deep", "").Body; !strings.Contains(got, deep(wire.MaxDepth)) {
		t.Errorf("then there is %s", got)
	}
	for id, line := range map[string]string{
		"deeper": `{"channel":"notes","key":"k","value":` + deep(wire.MaxDepth+1) + `}`, "twice": `{"channel":"notes","key":"a","key":"b","value":1}`,
	} {
		sam.Request("PUT", at+"import?id="+id, ndjson(line), "Content-Type", "application/x-ndjson").Problem(400, "invalid")
	}
}

func TestAnImportMayHaveEmptyLinesBeforeItsHeadAndAfterItsEnd(t *testing.T) {
	n := newNode(t, nodeOptions{})
	sam := n.user(t, "sam")
	text := "\n\r\n" + ndjson(`{"channel":"notes","key":"k","value":1}`) + "\n\n"
	for _, query := range []string{"dry_run=true", "id=blank", "id=blank"} {
		var report channels.ImportReport
		sam.Request("PUT", n.url+"/api/v1/spaces/lab/import?"+query, text, "Content-Type", "application/x-ndjson").Into(200, &report)
		if report.State != channels.ImportDone || report.Counts.Set != 1 {
			t.Errorf("%s: %+v", query, report)
		}
	}
}

func TestAnExportSendsLittleAfterItsSignOutWasAnsweredHoweverSlowItsReaderIs(t *testing.T) {
	n := newNode(t, nodeOptions{buffer: 4096})
	sam := n.user(t, "sam")
	some := `"` + strings.Repeat("x", 15_000) + `"`
	for i := range 60 {
		sam.Request("PUT", fmt.Sprintf("%s/k%d", n.channel("notes"), i), "["+some+","+some+","+some+","+some+"]").Want(200)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/api/v1/spaces/lab/export", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range sam.Cookies(n.url) {
		r.AddCookie(cookie)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	sam.Request("DELETE", n.url+"/api/v1/session", "").Want(204)
	if text, err := io.ReadAll(response.Body); err == nil || len(text) > 1<<20 {
		t.Errorf("%d bytes came after the sign-out was answered, and then %v", len(text), err)
	}
}

func TestAnImportThatCannotComeToItsEndIsAbandoned(t *testing.T) {
	n := newNode(t, nodeOptions{})
	alice, bob := n.user(t, "alice"), n.user(t, "bob")
	at := n.url + "/api/v1/spaces/lab/import?id="
	begin := func(id string) *hubtest.Answer {
		return alice.Request("PUT", at+id, `{"baton":1}`+"\n", "Content-Type", "application/x-ndjson")
	}
	for i := range channels.MaxImports {
		begin(fmt.Sprintf("open%d", i)).Want(200)
	}
	begin("more").Problem(409, "conflict")
	bob.Request("DELETE", at+"open3", "").Problem(403, "forbidden")
	alice.Request("DELETE", at+"nowhere", "").Problem(404, "unknown_name")
	alice.Request("DELETE", at+"open3", "").Want(204)
	alice.Request("GET", at+"open3", "").Problem(404, "unknown_name")
	begin("more").Want(200)
}
