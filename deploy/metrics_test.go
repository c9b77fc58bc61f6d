package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/baton-hub/baton/channels/porttest"
)

// exposed is what a hub that runs tells Prometheus, its space open.
func exposed(t *testing.T) string {
	t.Helper()
	url, admin := "127.0.0.1:"+strconv.Itoa(porttest.Free(t)), "127.0.0.1:"+strconv.Itoa(porttest.Free(t))
	start(t, baton, "serve", "--dev", "--demo=false", "--data", t.TempDir(), "--listen", url, "--admin", admin)
	wait(t, "the hub", func() bool { return answers(t, http.DefaultClient, "http://"+url+"/readyz") })
	response, err := http.Post("http://"+url+"/api/v1/session", "application/json", strings.NewReader(`{"space":"demo","user":"sam","password":"sam"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _ = response.Body.Close(); response.StatusCode != http.StatusOK { // so the space is opened
		t.Fatalf("signing in is answered with %d", response.StatusCode)
	}
	var text string
	wait(t, "the metrics of an open space", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
		return strings.Contains(text, "baton_rules_version{")
	})
	return text
}

// A dashboard is what we use of Grafana's model. A field that is not here is a mistake, or has to be put here.
type dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Tags          []string `json:"tags"`
	SchemaVersion int      `json:"schemaVersion"`
	Version       int      `json:"version"`
	Editable      bool     `json:"editable"`
	Timezone      string   `json:"timezone"`
	Refresh       string   `json:"refresh"`
	Time          struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"time"`
	Templating struct {
		List []struct {
			Name       string `json:"name"`
			Label      string `json:"label"`
			Type       string `json:"type"`
			Datasource source `json:"datasource"`
			Query      any    `json:"query"`
			Definition string `json:"definition"`
			Refresh    int    `json:"refresh"`
			Sort       int    `json:"sort"`
			Multi      bool   `json:"multi"`
			IncludeAll bool   `json:"includeAll"`
			AllValue   string `json:"allValue"`
			Current    any    `json:"current"`
			Hide       int    `json:"hide"`
		} `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []any `json:"list"`
	} `json:"annotations"`
	Links  []any   `json:"links"`
	Panels []panel `json:"panels"`
}

type source struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type panel struct {
	ID          int    `json:"id"`
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Collapsed   bool   `json:"collapsed"`
	Panels      []any  `json:"panels"`
	GridPos     struct {
		X int `json:"x"`
		Y int `json:"y"`
		W int `json:"w"`
		H int `json:"h"`
	} `json:"gridPos"`
	Datasource source `json:"datasource"`
	Targets    []struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Datasource   source `json:"datasource"`
	} `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit string  `json:"unit"`
			Min  float64 `json:"min"`
			Max  float64 `json:"max"`
		} `json:"defaults"`
		Overrides []any `json:"overrides"`
	} `json:"fieldConfig"`
}

// drawn are the expressions of the dashboard, as Prometheus gets them.
func drawn(t *testing.T) (exprs []string) {
	t.Helper()
	var d dashboard
	decoder := json.NewDecoder(strings.NewReader(read(t, "grafana/baton.json")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	filled, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := filled[[2]int{x, y}]; other != "" || x > 23 {
					t.Fatalf("%q is over %q, or beside the page", p.Title, other)
				}
				filled[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			if target.Datasource != p.Datasource || target.Datasource.UID != "${datasource}" {
				t.Errorf("%q is of the source %v", p.Title, target.Datasource)
			}
			exprs = append(exprs, strings.NewReplacer("$__rate_interval", "5m", "$space", ".*").Replace(target.Expr))
		}
	}
	if len(exprs) < 30 {
		t.Errorf("it has %d expressions", len(exprs))
	}
	return exprs
}

// alerts are the alerts of the file.
func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string  `yaml:"name"`
			Rules []alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	strictly(t, read(t, "prometheus/alerts.yaml"), &file)
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

type alert struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func strictly(t *testing.T, text string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

var (
	metricName = regexp.MustCompile(`\b(?:baton|process|go)_[a-z_]+`)
	matchers   = regexp.MustCompile(`\b((?:baton)_[a-z_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)(=~?|!=|!~)"([^"]*)"`)
)

func TestEveryMetricThatIsNamedIsThere(t *testing.T) {
	text := exposed(t)
	var exprs []string
	for _, a := range alerts(t) {
		exprs = append(exprs, a.Expr)
	}
	exprs = append(exprs, drawn(t)...)
	for _, file := range []string{"README.md", "chart/README.md", "chart/values.yaml", "chart/templates/hpa.yaml"} {
		for _, name := range metricName.FindAllString(read(t, file), -1) {
			if strings.HasPrefix(name, "baton_") {
				exprs = append(exprs, name)
			}
		}
	}
	for _, expr := range exprs {
		for _, name := range metricName.FindAllString(expr, -1) {
			told := strings.Contains(text, "\n"+name+"{") || strings.Contains(text, "\n"+name+" ")
			if !told && name != "baton_job_progress_ratio" { // which is told as long as a job runs
				t.Errorf("%s: a hub does not tell %s", expr, name)
			}
		}
		for _, found := range matchers.FindAllStringSubmatch(expr, -1) {
			for _, m := range matcher.FindAllStringSubmatch(found[2], -1) {
				for value := range strings.SplitSeq(m[3], "|") {
					series := regexp.MustCompile(fmt.Sprintf(`(?m)^%s\{[^}]*\b%s="%s"`, found[1], m[1], value))
					if !series.MatchString(text) {
						t.Errorf("%s: no %s has %s=%q from the start", expr, found[1], m[1], value)
					}
				}
			}
		}
	}
}

func TestPromtoolTakesTheAlertsAndWhatIsDrawn(t *testing.T) {
	run(t, "promtool", "check", "rules", "prometheus/alerts.yaml")
	var rules bytes.Buffer
	rules.WriteString("groups:\n- name: drawn\n  rules:\n")
	for i, expr := range drawn(t) {
		fmt.Fprintf(&rules, "  - {record: 'drawn:%d', expr: %q}\n", i, expr)
	}
	file := filepath.Join(t.TempDir(), "drawn.yaml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "promtool", "check", "rules", file)
}

func TestEachAlertComesWhenItShouldAndNotBefore(t *testing.T) {
	run(t, "promtool", "test", "rules", "prometheus/alerts_test.yaml")
	var file struct {
		RuleFiles []string `yaml:"rule_files"`
		Interval  string   `yaml:"evaluation_interval"`
		Tests     []struct {
			Name     string `yaml:"name"`
			Interval string `yaml:"interval"`
			Series   []any  `yaml:"input_series"`
			Checks   []struct {
				At    string `yaml:"eval_time"`
				Name  string `yaml:"alertname"`
				Comes []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		} `yaml:"tests"`
	}
	strictly(t, read(t, "prometheus/alerts_test.yaml"), &file)
	comes, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, check := range test.Checks {
			if len(check.Comes) > 0 {
				comes[check.Name] = true
			} else {
				quiet[check.Name] = true
			}
		}
	}
	guide := read(t, "README.md")
	for _, a := range alerts(t) {
		if !comes[a.Alert] || !quiet[a.Alert] {
			t.Errorf("%s is tested when it comes: %v, when it does not: %v", a.Alert, comes[a.Alert], quiet[a.Alert])
		}
		if !strings.Contains(guide, "| `"+a.Alert+"` |") {
			t.Errorf("the guide does not say what to do when %s comes", a.Alert)
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" || a.Labels["severity"] == "" {
			t.Errorf("%s has %v, %v", a.Alert, a.Labels, a.Annotations)
		}
	}
}
