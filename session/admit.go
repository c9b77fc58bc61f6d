package session

import (
	"slices"
	"strings"

	"github.com/baton-hub/baton/channels"
)

// admits refuses who may not come into the space: without a role, or without one of those that the policy admits.
func admits(rules *channels.Rules, roles []string) error {
	if len(roles) == 0 {
		return channels.Refuse(channels.CodeForbidden, "your account has no role here: ask the site's staff for one")
	}
	admit := readPolicy(rules).Admit
	if Admitted(admit, roles) {
		return nil
	}
	return channels.Refuse(channels.CodeForbidden, "this space is for %s: ask the site's staff for that role, or sign in to another space", strings.Join(admit, ", "))
}

// Admitted reports whether somebody with the roles may come into a space that admits some; none: anybody with a role.
func Admitted(admit, roles []string) bool {
	return len(admit) == 0 && len(roles) > 0 || slices.ContainsFunc(admit, func(role string) bool { return slices.Contains(roles, role) })
}
