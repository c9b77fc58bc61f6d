package cmd

import (
	"slices"
	"strings"
	"testing"
)

func TestASpaceSaysWhoIsAdmittedAndWhetherItIsListed(t *testing.T) {
	s, err := policySite(t, "    listed: false\n    admit: [staff, admin]\n")
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Spaces["a"].policy(); !p.Unlisted || !slices.Equal(p.Admit, []string{"staff", "admin"}) {
		t.Errorf("the policy is %+v", p)
	}
	if s, err = policySite(t, ""); err != nil || s.Spaces["a"].policy().Unlisted || s.Spaces["a"].policy().Admit != nil {
		t.Errorf("by default the policy is %+v, %v", s, err)
	}
	for bad, says := range map[string]string{"[member]": "no role", "[operator]": "no role", "[stuff]": `"staff"`} {
		if _, err := policySite(t, "    admit: "+bad+"\n"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("admit: %s: %v", bad, err)
		}
	}
}
