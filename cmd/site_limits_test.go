package cmd

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/baton-hub/baton/hub/hubtest"
)

func limitedSite(limits string) []byte {
	return []byte(`
version: 1
limits: ` + limits + `
authenticators: [kind: dev]
spaces:
  lab:
    channels: {notes: {kind: store, write: [member]}}
`)
}

func TestTheDefaultLimitsAreThoseThatTheReferenceNames(t *testing.T) {
	v := reflect.ValueOf((siteLimits{}).filled())
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if n := v.Field(i).Elem().Int(); fmt.Sprint(n) != siteEntries["limits."+name].standard {
			t.Errorf("limits.%s is %d, and %q in the reference", name, n, siteEntries["limits."+name].standard)
		}
	}
}

func TestEveryLimitOfTheSiteFileReachesTheHub(t *testing.T) {
	v := reflect.ValueOf(siteLimits{})
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		s, err := (Options{}).parseSite("site.yaml", limitedSite(fmt.Sprintf("{%s: %d}", name, 2345)))
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		filled, standard := reflect.ValueOf(s.Limits.filled()), reflect.ValueOf((siteLimits{}).filled())
		for j := range filled.NumField() {
			switch n := filled.Field(j).Elem().Int(); {
			case j == i && n != 2345:
				t.Errorf("limits.%s is %d", name, n)
			case n != standard.Field(j).Elem().Int():
				changed++
			}
		}
		if changed != 1 {
			t.Errorf("limits.%s changes %d limits", name, changed)
		}
	}
}

func TestLimitsThatCannotBeAreRefusedWithTheirLines(t *testing.T) {
	for limits, want := range map[string]string{
		"{rate: 0}":          "site.yaml:3: limits.rate has to be 1 or more, not 0; leave it out for the default, 20",
		"{message: 100}":     "limits.message has to be 1024 or more",
		"{message: 1000000}": "limits.message cannot be more than 524288 bytes",
		"{per_adress: 7}":    "per_adress",
	} {
		_, err := (Options{}).parseSite("site.yaml", limitedSite(limits))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %s", limits, err, want)
		}
	}
}

func TestAHubKeepsToTheLimitsOfItsSiteFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.yaml")
	text := string(limitedSite("{page: 1, message: 2000, failures_by_account: 1}")) +
		"  other: {channels: {notes: {kind: store, write: [member]}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startBaton(t, "--demo=false", "--config", file, "--data", filepath.Join(t.TempDir(), "data"))
	browser := hubtest.NewBrowser(t)
	var list struct {
		Spaces     []struct{ Name string }
		Incomplete bool
	}
	if status, _ := browser.Do("GET", p.url+"/api/v1/spaces", nil, &list); status != http.StatusOK || len(list.Spaces) != 1 || !list.Incomplete {
		t.Errorf("the list of spaces is answered %d with %+v", status, list)
	}
	wrong := map[string]any{"space": "lab", "user": "bob", "password": "wrong"}
	for _, want := range []int{http.StatusUnauthorized, http.StatusTooManyRequests} {
		if status, _ := browser.Do("POST", p.url+"/api/v1/session", wrong, nil); status != want {
			t.Errorf("a wrong password is answered %d, not %d", status, want)
		}
	}
	browser.SignIn(p.url, "lab", "alice")
	tab := browser.Open(p.url, "client-1")
	if tab.Welcome.Limits.Message != 2000 {
		t.Errorf("the limits that a client is told are %+v", tab.Welcome.Limits)
	}
}
