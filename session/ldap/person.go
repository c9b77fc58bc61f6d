package ldap

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/baton-hub/baton/session"
)

// maxGroups is how many groups of a person are read.
const maxGroups = 2000

// find returns the entry of a person, nil if there is none.
func (d *Directory) find(conn *ldap.Conn, user string) (*ldap.Entry, error) {
	o := d.options
	attributes := []string{o.User, o.Name}
	for _, further := range []string{o.MemberOf, o.Proposals.Attribute} {
		if further != "" {
			attributes = append(attributes, further)
		}
	}
	found, err := conn.Search(ldap.NewSearchRequest(o.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases,
		2, 0, false, fill(o.Filter, user, ""), attributes, nil))
	several := errors.New("the filter finds several people for one account: make it stricter")
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return nil, several
	case err != nil:
		return nil, fmt.Errorf("looking a person up: %w", err)
	case len(found.Entries) > 1:
		return nil, several
	case len(found.Entries) == 0:
		return nil, nil
	case found.Entries[0].GetEqualFoldAttributeValue(o.User) == "":
		return nil, fmt.Errorf("the entry %s has no attribute %s, or it may not be read", found.Entries[0].DN, o.User)
	}
	return found.Entries[0], nil
}

// groups returns the names (DN) of the groups that a person is in.
func (d *Directory) groups(conn *ldap.Conn, person *ldap.Entry) (groups []string, err error) {
	o := d.options
	if o.MemberOf != "" {
		groups = person.GetEqualFoldAttributeValues(o.MemberOf)
	}
	if o.Groups.Base == "" {
		return groups, nil
	}
	if err := d.bindOwn(conn); err != nil { // the person may not see them
		return nil, err
	}
	if o.BindDN == "" {
		if err := conn.UnauthenticatedBind(""); err != nil {
			return nil, fmt.Errorf("becoming nobody again, to look for groups: %w", err)
		}
	}
	filter := fill(o.Groups.Filter, person.GetEqualFoldAttributeValue(o.User), person.DN)
	found, err := conn.Search(ldap.NewSearchRequest(o.Groups.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases,
		maxGroups, 0, false, filter, []string{"1.1"}, nil)) // 1.1: no attributes, RFC 4511 §4.5.1.8
	if err != nil {
		return nil, fmt.Errorf("looking for groups: %w", err)
	}
	for _, group := range found.Entries {
		groups = append(groups, group.DN)
	}
	return groups, nil
}

// identity is what the entry of a person and their groups say.
func (d *Directory) identity(person *ldap.Entry, groups []string) session.Identity {
	o := d.options
	who := session.Identity{
		User: person.GetEqualFoldAttributeValue(o.User), Name: person.GetEqualFoldAttributeValue(o.Name),
		Roles: rolesOf(groups, o.Roles),
	}
	candidates := person.GetEqualFoldAttributeValues(o.Proposals.Attribute)
	if o.Proposals.Attribute == "" && d.proposals != nil {
		candidates = nil
		for _, group := range groups {
			candidates = append(candidates, firstPart(group))
		}
	}
	who.Proposals = proposalsAmong(candidates, d.proposals)
	return who
}

// rolesOf are the roles of somebody in these groups, in the order of the alphabet.
func rolesOf(groups []string, roles map[string][]string) (all []string) {
	for name, given := range roles {
		if name == "*" || slices.ContainsFunc(groups, func(group string) bool { return names(name, group) }) {
			all = append(all, given...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// names reports whether a group is called so: by its DN or the first part of it, in letters of any case.
func names(name, group string) bool {
	if strings.EqualFold(name, firstPart(group)) {
		return true
	}
	a, err := ldap.ParseDN(name)
	if err != nil || !strings.Contains(name, "=") {
		return false
	}
	b, err := ldap.ParseDN(group)
	return err == nil && a.EqualFold(b)
}

// firstPart is the value of the first part of a DN: staff of cn=staff,dc=example,dc=org.
func firstPart(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 || len(parsed.RDNs[0].Attributes) == 0 {
		return dn
	}
	return parsed.RDNs[0].Attributes[0].Value
}

// proposalsAmong are those of the candidates that look like proposals, each once, in the order of the alphabet.
func proposalsAmong(candidates []string, pattern *regexp.Regexp) (proposals []string) {
	for _, candidate := range candidates {
		if pattern != nil {
			match := pattern.FindStringSubmatch(candidate)
			if match == nil {
				continue
			}
			candidate = match[len(match)-1]
		}
		if candidate != "" {
			proposals = append(proposals, candidate)
		}
	}
	slices.Sort(proposals)
	return slices.Compact(proposals)
}
