package cmd

import (
	"encoding/json"
	"testing"
)

func TestTheProtocolsDocumentIsPrinted(t *testing.T) {
	got := baton(t, nil, "", "docs", "asyncapi")
	var d struct {
		AsyncAPI string `json:"asyncapi"`
		Info     struct{ Version string }
	}
	if err := json.Unmarshal([]byte(got.out), &d); err != nil || got.code != 0 {
		t.Fatalf("code %d, %v: %s", got.code, err, got.errors)
	}
	if d.AsyncAPI != "3.0.0" || d.Info.Version == "" {
		t.Errorf("printed %+v", d)
	}
}

func TestTheDocumentOfTheHTTPAPIIsPrinted(t *testing.T) {
	got := baton(t, nil, "", "docs", "openapi")
	var d struct {
		OpenAPI string `json:"openapi"`
		Info    struct{ Version string }
		Paths   map[string]any
	}
	if err := json.Unmarshal([]byte(got.out), &d); err != nil || got.code != 0 {
		t.Fatalf("code %d, %v: %s", got.code, err, got.errors)
	}
	if d.OpenAPI != "3.1.0" || d.Info.Version == "" || d.Paths["/api/v1/spaces/{space}/events"] == nil {
		t.Errorf("printed %s of version %s with %d paths", d.OpenAPI, d.Info.Version, len(d.Paths))
	}
}
