package hub_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
)

// figures is what a hub tells Prometheus.
func figures(t *testing.T, n *node) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(n.Metrics()...)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("the metrics are %s", w.Body)
	}
	return w.Body.String()
}

func TestWhatHappensIsCounted(t *testing.T) {
	n := newNode(t, nodeOptions{})
	_, ann := n.open(t, "alice")
	bob, _ := n.open(t, "bob")
	ann.Do(join("notes"), "joined", nil)
	ann.Do(write("notes", "k", 1), "written", nil)
	ann.Refused(with(write("notes", "k", 1), "if", frame{"k": 7}), "conflict")
	ann.Refused(write("queue", "k", 1), "not_operator")
	if status, _ := bob.Do("POST", n.url+"/api/v1/session", frame{"space": "lab", "user": "bob", "password": "wrong"}, nil); status != 401 {
		t.Fatalf("a wrong password got %d", status)
	}
	events := bob.Follow(n.url, "lab", "channels=notes", "")
	events.Expect("welcome", nil)
	service := hubtest.OpenToken(t, n.url, "service-1", n.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	ann.Do(frame{"type": "call", "command": "look"}, "called", nil)
	var invoke struct{ Call string }
	service.Expect("invoke", &invoke)
	service.Do(frame{"type": "done", "call": invoke.Call}, "written", nil)

	text := figures(t, n)
	for _, line := range []string{
		`baton_ready 1`,
		`baton_sockets{kind="ws",space="lab"} 3`,
		`baton_sockets{kind="sse",space="lab"} 1`,
		`baton_sockets_limit 15000`,
		`baton_sockets_opened_total{kind="sse",space="lab"} 1`,
		`baton_sockets_closed_total{reason="too_slow",space="lab"} 0`,
		`baton_operations_total{outcome="conflict",space="lab"} 1`,
		`baton_operations_total{outcome="storage",space="lab"} 0`,
		`baton_joins_total{got="new",space="lab"} 2`,
		`baton_joins_total{got="delta",space="lab"} 0`,
		`baton_sign_ins_total{outcome="done",space="lab"} 2`,
		`baton_sign_ins_total{outcome="wrong_credentials",space="lab"} 1`,
		`baton_login_sessions{space="lab"} 2`,
		`baton_nodes{space="lab"} 1`,
		`baton_space_open{space="lab"} 1`,
		`baton_log_stale_seconds{space="lab"} 0`,
		`baton_calls_ended_total{space="lab",state="done"} 1`,
		`baton_call_duration_seconds_count{space="lab"} 1`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("it does not tell %s", line)
		}
	}
	for _, zero := range []string{
		`baton_sent_bytes_total{space="lab"} 0`, `baton_received_messages_total{space="lab"} 0`, `baton_commit_transactions_count{space="lab"} 0`,
		`baton_commit_duration_seconds_sum{space="lab"} 0`, `baton_operation_duration_seconds_count{space="lab"} 0`, `baton_log_position{space="lab"} 0`,
		`baton_log_since_checkpoint_bytes{space="lab"} 0`, `baton_operations_total{outcome="done",space="lab"} 0`,
	} {
		name, _, _ := strings.Cut(zero, "{")
		if !strings.Contains(text, "\n"+name+"{") || strings.Contains(text, "\n"+zero+"\n") {
			t.Errorf("it has not counted %s", name)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint says %v, %v", problems, err)
	}
	if t.Failed() {
		t.Log(text)
	}
	if series := strings.Count(text, `space="lab"`); series > 180 {
		t.Errorf("a space has %d series", series)
	}
}

func TestAClientThatAsksTooMuchIsCounted(t *testing.T) {
	n := newNode(t, nodeOptions{limits: hub.Limits{Rate: 1, Burst: 1}})
	_, ann := n.open(t, "alice")
	requests := []any{frame{"type": "ping", "id": 1}}
	ann.Send(requests...)
	ann.Send(requests...)
	ann.Send(requests...)
	ann.Expect("error", nil)
	text := figures(t, n)
	if !strings.Contains(text, `baton_limited_total{door="message",space="lab"}`) || strings.Contains(text, `baton_limited_total{door="message",space="lab"} 0`) {
		t.Errorf("it tells\n%s", text)
	}
}

func TestWhatIsHandedToTheHomeOfASpaceIsCountedThere(t *testing.T) {
	store := natstest.Embedded(t)
	limits := hub.Limits{Rate: 1e6, Burst: 1e6}
	one, two := newNode(t, nodeOptions{name: "one", store: store, limits: limits}), newNode(t, nodeOptions{name: "two", store: store, limits: limits})
	_, ann := one.open(t, "alice")
	_, bob := two.open(t, "bob")
	handed := regexp.MustCompile(`baton_forwarded_total\{outcome="answered",space="lab"\} [1-9]`)
	for end := time.Now().Add(hubtest.Patience); ; { // they have to hear of each other first
		ann.Do(write("notes", "k", 1), "written", nil)
		bob.Do(write("notes", "k", 2), "written", nil)
		first, second := handed.MatchString(figures(t, one)), handed.MatchString(figures(t, two))
		if first != second {
			return
		}
		if first || time.Now().After(end) {
			t.Fatalf("the first node has handed over: %v, the second: %v", first, second)
		}
	}
}
