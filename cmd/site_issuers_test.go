package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodIssuer = `issuers:
  - issuer: https://login.example.org
    audience: baton
    jwks_url: https://login.example.org/keys
    algorithms: [ES256, RS256]
    user_claim: preferred_username
    roles_claim: realm_access.roles
    role_map: {beamline-staff: staff, "*": user}
    proposals_claim: proposals
    spaces: [a]
`

func TestOtherIssuersAreReadFromTheSiteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.yaml")
	site := "version: 1\nauthenticators: [{kind: dev}]\nspaces:\n  a:\n    channels: {c: {kind: log, write: [member]}}\n" + goodIssuer +
		"  - {issuer: ci, audience: baton, keys_file: ci.json, algorithms: [EdDSA], role_map: {\"*\": service}}\n"
	if err := os.WriteFile(path, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Options{}.readSite(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	if _, err := s.outside(dir); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "ci.json")) {
		t.Errorf("keys that are not there: %v", err)
	}
	if checked := baton(t, nil, "", "config", "check", path); checked.code != 78 || !strings.Contains(checked.errors, "ci.json") {
		t.Errorf("config check exits with %d: %s", checked.code, checked.errors)
	}
	s.Issuers = s.Issuers[:1]
	if outside, err := s.outside(dir); err != nil || outside == nil {
		t.Errorf("%v, %v", outside, err)
	}
	s.Issuers = nil
	if outside, err := s.outside(dir); err != nil || outside != nil {
		t.Errorf("without issuers: %v, %v", outside, err)
	}
}

func TestIssuersThatWouldLetInTooManyAreRefused(t *testing.T) {
	for change, says := range map[[2]string]string{
		{"audience: baton", ""}: "needs an audience",
		{"https://login.example.org/keys", "http://login.example.org/keys"}: "https",
		{"ES256, RS256", "HS256"}:                                    "cannot be allowed",
		{"ES256, RS256", "none"}:                                     "cannot be allowed",
		{"ES256, RS256", "ES255"}:                                    "ES256",
		{"algorithms: [ES256, RS256]", ""}:                           "needs its algorithms",
		{"beamline-staff: staff", "x: operator"}:                     "no role",
		{"beamline-staff: staff", "x: stuff"}:                        `"staff"`,
		{"jwks_url: https://login.example.org/keys", ""}:             "either jwks_url",
		{"spaces: [a]", "spaces: [b]"}:                               "no space",
		{"user_claim", "user_clam"}:                                  `"user_claim"`,
		{"    role_map: {beamline-staff: staff, \"*\": user}\n", ""}: "role_map",
	} {
		if !strings.Contains(goodIssuer, change[0]) {
			t.Fatalf("there is no %q", change[0])
		}
		site := "version: 1\nauthenticators: [{kind: dev}]\nspaces:\n  a:\n    channels: {c: {kind: log, write: [member]}}\n" +
			strings.Replace(goodIssuer, change[0], change[1], 1)
		if _, err := (Options{}).parseSite("s.yaml", []byte(site)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("with %q: %v", change[1], err)
		}
	}
}
