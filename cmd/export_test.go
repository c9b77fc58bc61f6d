package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/hubtest"
)

// as is a command line run by a person of the demo.
func as(t *testing.T, user, url string, args ...string) result {
	t.Helper()
	return baton(t, map[string]string{"BATON_PASSWORD": user}, "", append(args, "--url", url, "--user", user, "--space", "demo")...)
}

// exportFile writes a file of n values of a channel, with a message after every fiftieth.
func exportFile(t *testing.T, n int, value string) string {
	t.Helper()
	var b strings.Builder
	said := 0
	fmt.Fprintf(&b, `{"baton":1,"space":"demo","epoch":"","cursor":"","at":"2020-01-01T00:00:00Z","values":%d,"messages":%d}`+"\n", n, n/50)
	for i := range n {
		fmt.Fprintf(&b, `{"channel":"ui","key":"k%06d","value":%s}`+"\n", i, value)
		if i%50 == 49 {
			fmt.Fprintf(&b, `{"channel":"chat","data":%d}`+"\n", said)
			said++
		}
	}
	fmt.Fprintf(&b, `{"end":{"values":%d,"deleted":0,"messages":%d},"cursor":""}`+"\n", n, said)
	return file(t, "in.ndjson", b.String())
}

// linesOf are the lines of an export without what is new in each: positions, times, authors.
func linesOf(t *testing.T, path string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var item channels.ExportItem
		if err := json.Unmarshal([]byte(line), &item); err != nil {
			t.Fatal(err)
		}
		if item.Channel != "" && item.Channel != channels.ControlLog {
			lines = append(lines, fmt.Sprintf("%s %s %s %s%s", item.Channel, item.Owner, item.Key, item.Value, item.Data))
		}
	}
	return lines
}

func TestAnImportGoesOnByItselfWhenTheHubIsKilledAndEveryLineIsImportedOnce(t *testing.T) {
	p := startBaton(t, "--demo=false", "--data", t.TempDir())
	in := exportFile(t, 8_000, `"`+strings.Repeat("some value ", 40)+`"`)
	ended := make(chan result, 1)
	go func() { ended <- as(t, "sam", p.url, "import", in, "--id", "killed") }()
	sam := hubtest.NewBrowser(t)
	sam.SignIn(p.url, "demo", "sam")
	status := func() (record channels.ImportRecord) {
		if code, text := sam.Do(http.MethodGet, p.url+"/api/v1/spaces/demo/import?id=killed", nil, nil); code == http.StatusOK {
			if err := json.Unmarshal([]byte(text), &record); err != nil {
				t.Fatal(err)
			}
		}
		return record
	}
	kills := 0
	for _, line := range []int{1_000, 4_500} {
		if waitForLine(t, status, line).State == channels.ImportOpen {
			kills++
		}
		p.kill()
		p.start()
	}
	got := <-ended
	if got.code != 0 || !strings.Contains(got.out, "8000 values set, 0 removed, 160 messages appended, 0 unchanged") || kills == 0 {
		t.Fatalf("after %d kills it exited with %d: %s\n%s", kills, got.code, got.out, got.errors)
	}
	out := filepath.Join(t.TempDir(), "out.ndjson")
	if got := as(t, "sam", p.url, "export", "--channel", "ui,chat", "-o", out); got.code != 0 {
		t.Fatal(got.errors)
	}
	want, have := linesOf(t, in), linesOf(t, out)
	values, messages := 0, 0
	for _, line := range have {
		if strings.HasPrefix(line, "chat") {
			if line != fmt.Sprint("chat   ", messages) {
				t.Fatalf("message %d is %s", messages, line)
			}
			messages++
		} else {
			values++
		}
	}
	if values != 8_000 || messages != 160 || len(have) != len(want) {
		t.Errorf("there are %d values and %d messages", values, messages)
	}
	if again := as(t, "sam", p.url, "import", in, "--id", "killed"); again.code != 0 || !strings.Contains(again.out, "160 messages appended") {
		t.Errorf("the same again: %+v", again)
	}
	if after := as(t, "sam", p.url, "export", "--channel", "chat"); strings.Count(after.out, `"channel":"chat"`) != 160 {
		t.Error("the same again appended messages")
	}
}

// waitForLine waits until an import has come to a line.
func waitForLine(t *testing.T, status func() channels.ImportRecord, line int) channels.ImportRecord {
	t.Helper()
	tick := time.NewTicker(60 * time.Millisecond) // not more often than one may ask
	defer tick.Stop()
	for deadline := time.After(hubtest.Patience); ; {
		record := status()
		if record.Line >= line {
			return record
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the import does not get on: %+v", record)
		}
	}
}

func TestADryRunOnTheCommandLineNamesTheLinesAndFails(t *testing.T) {
	p := startBaton(t, "--demo=false", "--data", t.TempDir())
	good := exportFile(t, 100, "1")
	if got := as(t, "sam", p.url, "import", good, "--dry-run"); got.code != 0 || !strings.Contains(got.out, "would be imported: 104 lines: 100 values set") {
		t.Errorf("a good file: %+v", got)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	bad := file(t, "bad.ndjson", strings.Replace(string(text), `"ui","key":"k000003"`, `"uii","key":"k000003"`, 1))
	for what, args := range map[string][]string{"a dry run": {"import", bad, "--dry-run"}, "an import": {"import", bad}} {
		if got := as(t, "sam", p.url, args...); got.code != 1 || !strings.Contains(got.out+got.errors, "line 5: ") ||
			strings.Contains(got.errors, "--id file-") != (what == "an import") {
			t.Errorf("%s of a bad file: %+v", what, got)
		}
	}
	theirs := file(t, "theirs.ndjson", strings.ReplaceAll(string(text), `"channel":"ui"`, `"channel":"equipment"`))
	if got := as(t, "alice", p.url, "import", theirs); got.code != 1 || !strings.Contains(got.errors, "you may not import into equipment") {
		t.Errorf("by a user: %+v", got)
	}
	whole := strings.TrimSuffix(string(text), "\n")
	for n, want := range []string{"imported: 104 lines", "was imported before"} {
		if got := as(t, "sam", p.url, "import", good); got.code != 0 || !strings.Contains(got.out, want) {
			t.Errorf("a good file for time %d: %+v", n+1, got)
		}
	}
	cut := file(t, "cut.ndjson", whole[:strings.LastIndexByte(whole, '\n')+1])
	if got := as(t, "sam", p.url, "import", cut); got.code != 1 || !strings.Contains(got.errors, "cut off") {
		t.Errorf("a file that is cut off: %+v", got)
	}
}

func TestAnImportIsReadFromStandardInput(t *testing.T) {
	p := startBaton(t, "--demo=false", "--data", t.TempDir())
	text, err := os.ReadFile(exportFile(t, 100, "1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"imported: 104 lines: 100 values set", "was imported before"} {
		got := baton(t, map[string]string{"BATON_PASSWORD": "sam"}, string(text), "import", "-", "--url", p.url, "--user", "sam", "--space", "demo")
		if got.code != 0 || !strings.Contains(got.out, want) {
			t.Errorf("it exited with %d: %s %s, want %s", got.code, got.out, got.errors, want)
		}
	}
}

func TestTheFlagsOfExportAndImport(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		{args: []string{"export"}, code: 2, says: "BATON_TOKEN"},
		{args: []string{"export", "--user", "ann"}, code: 2, says: "--space"},
		{args: []string{"export", "--token", "x", "--user", "ann"}, code: 2, says: "not both"},
		{args: []string{"export"}, env: map[string]string{"BATON_TOKEN": "hunter2"}, code: 2, says: "begin with baton_"},
		{args: []string{"export", "--url", "ftp://x"}, code: 2, says: "http://host:port"},
		{args: []string{"import"}, code: 2, says: "accepts 1 arg"},
		{args: []string{"import", "f", "--id", "a b"}, code: 2, says: "4 to 64 letters"},
		{args: []string{"import", "/nowhere"}, code: 1, says: "reading the export"},
		{args: []string{"backup"}, code: 2, says: "-o FILE"},
		{args: []string{"backup", "-o", "-", "--data", "/nowhere"}, code: 78, says: "no data of a hub"},
		{args: []string{"restore"}, code: 2, says: "accepts 1 arg"},
		{args: []string{"restore", "/nowhere"}, code: 1, says: "reading the backup"},
	} {
		got := baton(t, c.env, "", c.args...)
		if got.code != c.code || !strings.Contains(got.errors, c.says) || strings.Contains(got.errors, "hunter2") {
			t.Errorf("baton %v exited with %d and said %q; want %d and %q", c.args, got.code, got.errors, c.code, c.says)
		}
	}
}
