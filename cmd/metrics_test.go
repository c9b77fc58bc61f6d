package cmd

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
	"github.com/baton-hub/baton/hub/hubtest"
)

func TestTheAdminListenerTellsPrometheusThatASpaceWasRead(t *testing.T) {
	t.Parallel()
	data, admin := t.TempDir(), "127.0.0.1:"+strconv.Itoa(porttest.Free(t))
	p := startBaton(t, "--demo=false", "--data", data, "--admin", admin)
	use(t, p.url)
	p.stop()
	p.start()
	hubtest.NewBrowser(t).SignIn(p.url, "demo", "sam") // so that the space is opened
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(hubtest.Patience); ; {
		text := metrics(t, admin)
		if strings.Contains(text, `baton_job_items_total{job="open",space="demo"}`) &&
			strings.Contains(text, "go_goroutines") && strings.Contains(text, "process_cpu_seconds_total") {
			if strings.Contains(text, "baton_job_progress_ratio{") {
				t.Errorf("it is read, and yet it tells\n%s", text)
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("it tells\n%s", text)
		}
	}
}

func metrics(t *testing.T, admin string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("it answered %d, %v", response.StatusCode, err)
	}
	return string(text)
}

func TestThePageOfMetricsListsThemAll(t *testing.T) {
	page, err := os.ReadFile("../deploy/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := metricsReference("")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != string(want) {
		t.Errorf("deploy/METRICS.md is not what `baton docs metrics` prints: baton docs metrics > deploy/METRICS.md")
	}
}

func TestHealthcheckTellsANodeThatServesFromOneThatDoesNot(t *testing.T) {
	p := startBaton(t, "--demo=false", "--data", t.TempDir())
	for _, flags := range [][]string{{}, {"--ready"}} {
		if r := baton(t, nil, "", append([]string{"healthcheck", "--url", p.url}, flags...)...); r.code != 0 || !strings.Contains(r.out, "status") {
			t.Errorf("of a hub that serves %v exits with %d: %s%s", flags, r.code, r.out, r.errors)
		}
	}
	p.kill()
	if r := baton(t, nil, "", "healthcheck", "--url", p.url); r.code != exitRunTime || r.errors == "" {
		t.Errorf("of a hub that has ended it exits with %d: %s", r.code, r.errors)
	}
	if r := baton(t, nil, "", "healthcheck", "--url", "127.0.0.1:8080"); r.code != exitUsage {
		t.Errorf("with an address that is no URL it exits with %d: %s", r.code, r.errors)
	}
}
