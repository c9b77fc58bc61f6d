package cmd

import (
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// scrape returns what Prometheus reads.
func scrape(t *testing.T, j *jobs) string {
	t.Helper()
	w := httptest.NewRecorder()
	r := prometheus.NewRegistry()
	r.MustRegister(j)
	serveMetrics(r).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("it answered %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestPrometheusSeesHowFarAJobIsAsLongAsItRuns(t *testing.T) {
	j := newJobs(io.Discard, slog.New(slog.DiscardHandler))
	one := j.begin("export", "lab")
	one.Moved(250, 1000)
	j.begin("export", "lab").Moved(250, 1000)
	j.begin("open", "b21").Moved(7, 0)
	text := scrape(t, j)
	for _, want := range []string{
		`baton_job_progress_ratio{job="export",space="lab"} 0.25`,
		`baton_job_progress_ratio{job="open",space="b21"} 0`,
		`baton_job_items_total{job="export",space="lab"} 500`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %s:\n%s", want, text)
		}
	}
	one.Moved(1000, 1000)
	if text := scrape(t, j); strings.Count(text, `ratio{job="export"`) != 1 || !strings.Contains(text, `{job="export",space="lab"} 1250`) {
		t.Errorf("after one ended:\n%s", text)
	}
}

func TestMetricsAreNamedAsPrometheusWantsThem(t *testing.T) {
	j := newJobs(io.Discard, slog.New(slog.DiscardHandler))
	j.begin("import", "lab").Moved(1, 2)
	problems, err := promlint.New(strings.NewReader(scrape(t, j))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "baton_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestWhereThereIsNoTerminalALongJobSaysEveryFewSecondsHowFarItIs(t *testing.T) {
	var log strings.Builder
	j := newJobs(&log, slog.New(slog.NewTextHandler(&log, nil)))
	now := time.Unix(0, 0)
	j.now = func() time.Time { return now }
	one := j.begin("export", "lab")
	for done := range 12 {
		now = now.Add(time.Second)
		one.Moved(done, 100)
	}
	if n := strings.Count(log.String(), "under way"); n != 2 || !strings.Contains(log.String(), "done=9 space=lab of=100 percent=9") {
		t.Errorf("in 12 seconds it said %d times:\n%s", n, log.String())
	}
	one.Ended(nil)
	if !strings.Contains(log.String(), "took=12s") {
		t.Errorf("in the end it said:\n%s", log.String())
	}
	said := log.Len()
	quick := j.begin("export", "lab")
	quick.Moved(1, 1)
	quick.Ended(nil)
	if log.Len() != said {
		t.Errorf("a quick job said %s", log.String()[said:])
	}
	j.begin("import", "lab").Ended(errors.New("no space"))
	if !strings.Contains(log.String()[said:], "no space") {
		t.Error("a job that failed said nothing")
	}
}

func TestABarShowsHowFarAJobIs(t *testing.T) {
	var terminal strings.Builder
	j := newJobs(io.Discard, slog.New(slog.DiscardHandler))
	j.bar = &terminal
	one := j.begin("import", "lab")
	one.Moved(0, 200)
	one.Moved(100, 200)
	one.Moved(200, 200)
	if text := terminal.String(); !strings.Contains(text, "import lab") || !strings.Contains(text, "100%") || !strings.HasSuffix(text, "\n") {
		t.Errorf("the terminal shows %q", text)
	}
}

func TestWhatIsOverAtOnceHasNoBarWhereOneIsWaitedFor(t *testing.T) {
	var terminal strings.Builder
	j := newJobs(io.Discard, slog.New(slog.DiscardHandler))
	now := time.Now()
	j.bar, j.wait, j.now = &terminal, time.Second, func() time.Time { return now }
	quick, long := j.begin("open", "lab"), j.begin("open", "hall")
	quick.Moved(1, 2)
	quick.Moved(2, 2)
	long.Moved(1, 9)
	if terminal.Len() != 0 {
		t.Errorf("at once it shows %q", terminal.String())
	}
	now = now.Add(time.Second)
	long.Moved(5, 9)
	if !strings.Contains(terminal.String(), "open hall") {
		t.Errorf("after a second it shows %q", terminal.String())
	}
}
