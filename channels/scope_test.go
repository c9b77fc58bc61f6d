package channels_test

import (
	"testing"

	"github.com/baton-hub/baton/channels"
)

func TestAScopeAddsUpAndCoversNothingElse(t *testing.T) {
	for _, c := range []struct {
		scope       []string
		name        string
		uses, reads bool
	}{
		{nil, "motors", true, true},
		{[]string{"motors"}, "motors", true, true},
		{[]string{"motors"}, "motors2", false, false},
		{[]string{"motors"}, "motor", false, false},
		{[]string{"queue.*"}, "queue.start", true, true},
		{[]string{"queue.*"}, "queue", false, false},
		{[]string{"queue*"}, "queue", true, true},
		{[]string{"*"}, "motors", true, true},
		{[]string{"read"}, "motors", false, true},
		{[]string{"read"}, "read", false, true},
		{[]string{"read:motors"}, "motors", false, true},
		{[]string{"read:motors"}, "queue", false, false},
		{[]string{"read:queue.*", "motors"}, "queue.x", false, true},
		{[]string{"read:*", "motors"}, "motors", true, true},
	} {
		who := channels.Who{Scope: c.scope}
		if who.Uses(c.name) != c.uses || who.Reads(c.name) != c.reads {
			t.Errorf("%v: uses %s %v, reads it %v", c.scope, c.name, who.Uses(c.name), who.Reads(c.name))
		}
		if err := channels.CheckScope(c.scope); err != nil {
			t.Errorf("%v: %v", c.scope, err)
		}
	}
	for _, bad := range []string{"", ".*", "Q", "a*b", "a**", "~tokens", "~*", "read:", "read:read:x", "a b", "write:x"} {
		if channels.CheckScope([]string{bad}) == nil {
			t.Errorf("%q passes as a scope", bad)
		}
	}
	if channels.CheckScope(make([]string, channels.MaxScope+1)) == nil {
		t.Error("a scope may have any length")
	}
}
