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
