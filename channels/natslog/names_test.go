package natslog

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTokensAreReversibleAndSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[$%.*> a2E/\\]{0,6}`)).Draw(t, "name")
		tok := token(name)
		if tok == "" || strings.ContainsAny(tok, ".*> \t\r\n\x7f/\\") || tok[0] == '$' {
			t.Fatalf("%q became %q", name, tok)
		}
		back, err := untoken(tok)
		if err != nil || back != name {
			t.Fatalf("%q became %q, and that %q, %v", name, tok, back, err)
		}
	})
}

func TestNamesThatNATSCannotTakeAreRefused(t *testing.T) {
	if _, err := streamName("TX_", strings.Repeat("a.", 80)); err == nil {
		t.Error("a stream name of more than 255 bytes is accepted")
	}
	if _, err := subject("live", "s", "c", strings.Repeat("x", 4096)); err == nil {
		t.Error("a subject of more than 4 KiB is accepted: the server would close the connection for good")
	}
}
