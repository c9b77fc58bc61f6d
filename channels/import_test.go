package channels_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

// Vacant tells imports whether nobody is in control.
func (people) Vacant(v channels.View) bool {
	value, _ := v.Get(channels.Ref{Channel: channels.ControlStore, Key: "seat"})
	var s seat
	_ = json.Unmarshal(value.Data, &s)
	return s.Holder == ""
}

// ndjson is a whole export made of these lines.
func ndjson(lines ...string) string {
	return `{"baton":1}` + "\n" + strings.Join(lines, "\n") + "\n" + `{"end":{}}` + "\n"
}

func importAs(t *testing.T, s *channels.Space, actor, text string, o channels.ImportOptions) (channels.ImportReport, error) {
	t.Helper()
	if o.ID == "" {
		o.ID = "import"
	}
	return s.Import(t.Context(), actor, actor, o, strings.NewReader(text))
}

func TestAnExportThatIsImportedElsewhereGivesTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := newBench(t).open()
		fill(t, from)
		passSeat(t, from, "", 2)
		keys(t, from, "open", 0, 3_000, `{"a": [1, "é<>&"]}`)
		keys(t, from, "queue", 0, 10, `1`)
		exported := export(t, from, "service", channels.Export{})

		to := newBench(t).open()
		admit(t, to, "", "service", "admin")
		report, err := importAs(t, to, "admin", exported, channels.ImportOptions{})
		if err != nil || report.State != channels.ImportDone || report.Line != strings.Count(exported, "\n") {
			t.Fatalf("%+v, %v", report, err)
		}
		got, want := apply(t, export(t, to, "service", channels.Export{})), apply(t, exported)
		delete(want.messages, channels.ControlLog) // the journal is nobody's to write
		if !got.same(want) {
			t.Errorf("there are %d values and %v, want %d and %v", len(got.values), got.messages, len(want.values), want.messages)
		}
		again, err := importAs(t, to, "admin", exported, channels.ImportOptions{ID: "another"})
		if err != nil || again.Counts.Set != 0 || again.Counts.Unchanged != len(want.values) {
			t.Errorf("importing the same values again: %+v, %v", again, err)
		}
	})
}

// messages are n lines of the log channel, so many that it takes several steps.
func messages(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf(`{"channel":"journal","data":%d}`, i))
	}
	return lines
}

// journalRules have a log that keeps what the tests put in.
func journalRules() *channels.Rules {
	rules := *testRules
	rules.Channels = maps.Clone(rules.Channels)
	rules.Channels["journal"] = channels.ChannelRules{Kind: channels.KindLog, Write: []channels.Right{"member"}, Keep: 100_000}
	rules.Channels["strict"] = channels.ChannelRules{
		Kind: channels.KindStore, Write: []channels.Right{"member"}, Schema: json.RawMessage(`{"properties":{"n":{"type":"number"}}}`),
	}
	return &rules
}

func TestAnImportThatIsInterruptedGoesOnSoThatEveryLineIsImportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.openWith(channels.Options{Rules: journalRules()})
		admit(t, s, "", "service")
		unheard := 0
		b.log.SetFault(func(uint64, []byte) channels.Fault {
			if unheard++; unheard%3 == 0 {
				return channels.FaultNoAck
			}
			return ""
		})
		text := ndjson(messages(9_000)...)
		var report channels.ImportReport
		cuts := 0
		for cut := 40_000; report.State != channels.ImportDone; cut += 40_000 {
			var err error
			if cut < len(text) { // the connection breaks somewhere in the middle of a line
				cuts++
				broken := io.MultiReader(strings.NewReader(text[:cut]), iotest.ErrReader(io.ErrUnexpectedEOF))
				report, err = s.Import(t.Context(), "service", "service", channels.ImportOptions{ID: "import"}, broken)
				if !errors.Is(err, io.ErrUnexpectedEOF) || report.State != channels.ImportOpen {
					t.Fatalf("cut at %d: %+v, %v", cut, report, err)
				}
				continue
			}
			rest := strings.SplitAfterN(text, "\n", report.Line+1)[report.Line] // only what is missing
			if report, err = importAs(t, s, "service", rest, channels.ImportOptions{From: report.Line}); err != nil {
				t.Fatal(err)
			}
		}
		if cuts < 3 {
			t.Fatalf("it was interrupted %d times", cuts)
		}
		got := inState(s, nil, []string{"journal"}).messages["journal"]
		for i := range 9_000 {
			if i >= len(got) || got[i] != fmt.Sprint(i) {
				t.Fatalf("message %d of %d is not the line that it should be", i, len(got))
			}
		}
		if len(got) != 9_000 || report.Counts.Appended != 9_000 {
			t.Errorf("there are %d messages, and it says %+v", len(got), report)
		}
		for range 2 { // what is done is done once
			if again, err := importAs(t, s, "service", text, channels.ImportOptions{}); err != nil || again.State != channels.ImportDone {
				t.Errorf("again: %+v, %v", again, err)
			}
		}
		if n := len(inState(s, nil, []string{"journal"}).messages["journal"]); n != 9_000 {
			t.Errorf("then there are %d", n)
		}
	})
}

func TestAnImportGoesOnOnlyWithTheSameFileAndForTheSamePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: journalRules()})
		admit(t, s, "ann", "bob", "service")
		lines := messages(1_200)
		first := `{"baton":1}` + "\n" + strings.Join(lines[:600], "\n") + "\n"
		report, err := importAs(t, s, "ann", first, channels.ImportOptions{})
		if err != nil || report.State != channels.ImportOpen || report.Line != 601 {
			t.Fatalf("%+v, %v", report, err)
		}
		whole := ndjson(lines...)
		changed := strings.Replace(whole, `"data":17}`, `"data":18}`, 1)
		for what, c := range map[string]struct {
			actor, text string
			from        int
			code        channels.Code
		}{
			"another file":   {"ann", changed, 0, channels.CodeConflict},
			"another line":   {"ann", whole, 600, channels.CodeConflict},
			"another person": {"bob", whole, 0, channels.CodeForbidden},
		} {
			if _, err := importAs(t, s, c.actor, c.text, channels.ImportOptions{From: c.from}); !channels.IsCode(err, c.code) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if report, err := importAs(t, s, "ann", whole, channels.ImportOptions{}); err != nil || report.Counts.Appended != 1_200 {
			t.Errorf("the same: %+v, %v", report, err)
		}
	})
}

func TestADryRunChangesNothingAndNamesEveryLineThatWouldBeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: journalRules()})
		admit(t, s, "ann", "service", "admin")
		passSeat(t, s, "", 2)
		mustDo(t, s, set("ann", 1, "open", "same", `1`))
		mustDo(t, s, set("ann", 2, "open", "other", `1`))
		before, at := snapshotOf(t, s), position(s)
		text := ndjson(
			`{"channel":"open","key":"same","value":1}`,
			`{"channel":"open","key":"other","value":2}`,
			`{"channel":"open","key":"new","value":2}`,
			`{"channel":"nowhere","key":"k","value":2}`,
			`{"channel":"strict","key":"s","value":{"n":"five"}}`,
			`{"channel":"open","key":"other","deleted":true}`,
			`{"channel":"open","key":"k"}`,
			`{"channel":"open","ky":"k","value":1}`,
			`not JSON`,
			`{"channel":"ui","owner":"ann","key":"k","value":1}`,
			`{"channel":"queue","key":"k","value":1}`,
			`{"channel":"motors","key":"k","value":1}`,
			`{"channel":"journal","data":1}`,
		)
		report, err := importAs(t, s, "admin", text, channels.ImportOptions{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		if snapshotOf(t, s) != before || position(s) != at {
			t.Error("it changed something")
		}
		var said []string
		for _, r := range report.Refused {
			said = append(said, fmt.Sprintf("%d %s %s %s%s", r.Line, r.Code, r.Channel, r.Key, r.Path))
		}
		want := "[5 unknown_name nowhere k 6 schema strict s/n 8 invalid   9 invalid   10 invalid   13 invalid motors k]"
		if fmt.Sprint(said) != want {
			t.Errorf("refused are %v, want %s", said, want)
		}
		if c := report.Counts; c.Set != 4 || c.Unchanged != 1 || c.Removed != 1 || c.Appended != 1 || report.RefusedLines != 6 {
			t.Errorf("it would do %+v", report)
		}
		many := ndjson(strings.Split(strings.Repeat("{}\n", 250)+"{}", "\n")...)
		report, err = importAs(t, s, "service", many, channels.ImportOptions{DryRun: true})
		if err != nil || report.RefusedLines != 251 || len(report.Refused) != channels.MaxRefused {
			t.Errorf("of 251 bad lines it counts %d and tells %d, %v", report.RefusedLines, len(report.Refused), err)
		}
	})
}

func TestADryRunCountsAsTheImportDoesAlsoWhenLinesFarApartAreOfOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "service")
		mustDo(t, s, set("ann", 1, "open", "k3", `3`))
		var lines []string
		for _, line := range []string{
			`{"channel":"open","key":"k%d","value":{"a": 1}}`, `{"channel":"open","key":"k%d","value":{"a":1}}`,
			`{"channel":"open","key":"k%d","deleted":true}`, `{"channel":"open","key":"k%d","deleted":true}`, `{"channel":"open","key":"k%d","value":2}`,
		} {
			for i := range 600 { // more than a step has
				lines = append(lines, fmt.Sprintf(line, i))
			}
		}
		text := ndjson(lines...)
		for _, keep := range []bool{true, false} {
			tried, err := importAs(t, s, "service", text, channels.ImportOptions{DryRun: true, Keep: keep})
			if err != nil {
				t.Fatal(err)
			}
			done, err := importAs(t, s, "service", text, channels.ImportOptions{ID: fmt.Sprint("keep-", keep), Keep: keep})
			if err != nil || tried.Counts != done.Counts || tried.Estimate {
				t.Errorf("with keep %v it would do %+v and did %+v, %v", keep, tried.Counts, done.Counts, err)
			}
		}
	})
}

func TestAnImportStopsAtALineThatIsRefusedAndGoesOnWhenItIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).openWith(channels.Options{Rules: journalRules()})
		admit(t, s, "ann", "service")
		bad := ndjson(append(messages(700), `{"channel":"strict","key":"s","value":{"n":"five"}}`)...)
		report, err := importAs(t, s, "service", bad, channels.ImportOptions{})
		var refused *channels.Refusal
		if !errors.As(err, &refused) || refused.Code != channels.CodeSchema || refused.More["line"] != 702 || refused.More["path"] != "/n" {
			t.Fatalf("it said %v", err)
		}
		if got := get(s, "strict", "s"); got != "" || report.Line >= 702 {
			t.Errorf("the bad line is there, %s, or counts as done: %+v", got, report)
		}
		mended := strings.Replace(bad, `"five"`, "5", 1)
		if report, err = importAs(t, s, "service", mended, channels.ImportOptions{}); err != nil || report.Counts.Appended != 700 {
			t.Errorf("then %+v, %v", report, err)
		}
		if got := get(s, "strict", "s"); got != `{"n":5}` {
			t.Errorf("the mended line gave %s", got)
		}
	})
}

func TestWhatIsTheOperatorsIsImportedUnderTheOperatorsTermOrByAnAdminWhileNobodyIsInControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := journalRules()
		rules.Channels["queue"] = channels.ChannelRules{Kind: channels.KindStore, Write: []channels.Right{"operator"}}
		s := newBench(t).openWith(channels.Options{Rules: rules})
		admit(t, s, "ann", "bob", "service", "admin")
		text := ndjson(`{"channel":"queue","key":"k","value":1}`)
		try := func(actor string, term uint64) error {
			_, err := importAs(t, s, actor, text, channels.ImportOptions{DryRun: true, Term: term})
			if err == nil {
				_, err = importAs(t, s, actor, text, channels.ImportOptions{ID: fmt.Sprint(actor, position(s)), Term: term})
			}
			return err
		}
		wants := func(what string, err error, code channels.Code) {
			t.Helper()
			if code == "" && err != nil || code != "" && !channels.IsCode(err, code) {
				t.Errorf("%s: %v", what, err)
			}
		}
		wants("the operator without a term", try("ann", 0), channels.CodeNoTerm)
		wants("the operator under an old term", try("ann", 7), channels.CodeOldTerm)
		wants("the operator under the term", try("ann", 1), "")
		wants("an admin while somebody is in control", try("admin", 1), channels.CodeNotOperator)
		wants("another user", try("bob", 1), channels.CodeNotOperator)
		passSeat(t, s, "", 2)
		wants("an admin while nobody is", try("admin", 0), "")
		wants("a service, which may not write there", try("service", 0), channels.CodeNoTerm)
		wants("a user while nobody is", try("bob", 2), channels.CodeNotOperator)
	})
}

func TestAPersonImportsTheirOwnValuesAndNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := newBench(t).open()
		fill(t, from)
		mine := export(t, from, "bob", channels.Export{Mine: true})
		to := newBench(t).open()
		admit(t, to, "ann", "bob", "service")
		if report, err := importAs(t, to, "bob", mine, channels.ImportOptions{}); err != nil || report.State != channels.ImportDone {
			t.Fatalf("%+v, %v", report, err)
		}
		if got, want := apply(t, export(t, to, "bob", channels.Export{Mine: true})), apply(t, mine); !maps.Equal(got.values, want.values) ||
			fmt.Sprint(got.messages["log"]) != fmt.Sprint(want.messages["log"]) {
			t.Errorf("bob has %+v, want %+v", got, want)
		}
		_, err := importAs(t, to, "ann", mine, channels.ImportOptions{ID: "of-ann"})
		if !channels.IsCode(err, channels.CodeForbidden) {
			t.Errorf("ann imports bob's: %v", err)
		}
	})
}

func TestAnImportCanLeaveTheValuesThatAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "service")
		mustDo(t, s, set("ann", 1, "open", "there", `"mine"`))
		text := ndjson(`{"channel":"open","key":"there","value":1}`, `{"channel":"open","key":"new","value":1}`)
		report, err := importAs(t, s, "service", text, channels.ImportOptions{Keep: true})
		if err != nil || report.Counts.Kept != 1 || report.Counts.Set != 1 || get(s, "open", "there") != `"mine"` {
			t.Errorf("%+v, %v, there is %s", report, err, get(s, "open", "there"))
		}
	})
}

func TestAFileThatIsNotWholeIsNoDoneImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "service")
		line := `{"channel":"open","key":"k","value":1}`
		for what, text := range map[string]string{
			"no head":         line + "\n",
			"a line is gone":  `{"baton":1}` + "\n" + line + "\n" + `{"end":{"values":2}}` + "\n",
			"a newer format":  `{"baton":99}` + "\n",
			"more at the end": ndjson(line) + line + "\n",
			"a long line":     ndjson(strings.Repeat("x", 600<<10)),
		} {
			report, err := importAs(t, s, "service", text, channels.ImportOptions{ID: strings.ReplaceAll(what, " ", "-")})
			if what == "more at the end" && report.State == channels.ImportDone {
				report.State = channels.ImportOpen // what came before the end is all there
			}
			if !channels.IsCode(err, channels.CodeInvalid) || report.State == channels.ImportDone {
				t.Errorf("%s: %+v, %v", what, report, err)
			}
		}
		report, err := importAs(t, s, "service", `{"baton":1}`+"\n"+line+"\n", channels.ImportOptions{ID: "no-end"})
		if err != nil || report.State != channels.ImportOpen {
			t.Errorf("without an end: %+v, %v", report, err)
		}
	})
}

func TestImportsAreForgottenTheOldestOnesOfAUserAndAllAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann", "service")
		remembered := func(id string) (found bool) {
			s.Read(func(state *channels.State) {
				_, found, _ = channels.FindImport(state, id, channels.Who{User: "admin", Roles: []string{"admin"}})
			})
			return found
		}
		text := ndjson(`{"channel":"open","key":"k","value":1}`)
		for n := range channels.MaxImports + 1 {
			if _, err := importAs(t, s, "service", text, channels.ImportOptions{ID: fmt.Sprint("import-", n)}); err != nil {
				t.Fatal(err)
			}
		}
		if remembered("import-0") || !remembered("import-1") {
			t.Error("the oldest is remembered, or a younger one is not")
		}
		for n := range channels.MaxImports + 1 { // that do not come to their end
			_, err := importAs(t, s, "ann", "{\"baton\":1}\n", channels.ImportOptions{ID: fmt.Sprint("anns-", n)})
			if n < channels.MaxImports && err != nil || n == channels.MaxImports && !channels.IsCode(err, channels.CodeConflict) {
				t.Fatalf("ann's import %d: %v", n, err)
			}
		}
		time.Sleep(channels.ImportKept + time.Minute)
		mustDo(t, s, set("ann", 1, "open", "tick", `1`)) // the log's clock goes on with its entries
		if _, err := importAs(t, s, "service", text, channels.ImportOptions{ID: "one-more"}); err != nil {
			t.Fatal(err)
		}
		if remembered("import-1") || !remembered("anns-0") || !remembered("one-more") {
			t.Error("after a day one that is done is remembered, or one that is not has been forgotten")
		}
	})
}
