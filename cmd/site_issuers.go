package cmd

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/session/issuer"
)

// siteIssuer is another issuer whose JWTs are taken for tokens.
type siteIssuer struct {
	Issuer         string            `yaml:"issuer"`
	Audience       string            `yaml:"audience"`
	JWKSURL        string            `yaml:"jwks_url"`
	KeysFile       string            `yaml:"keys_file"` // relative to the site file
	Algorithms     []string          `yaml:"algorithms"`
	UserClaim      string            `yaml:"user_claim"`
	NameClaim      string            `yaml:"name_claim"`
	RolesClaim     string            `yaml:"roles_claim"`
	RoleMap        map[string]string `yaml:"role_map"`
	ProposalsClaim string            `yaml:"proposals_claim"`
	Spaces         []string          `yaml:"spaces"`
}

// checkIssuers refuses what would trust nobody, or too many.
func (p *siteProblems) checkIssuers(s *site) {
	named := map[string]bool{}
	for i, one := range s.Issuers {
		path := []string{"issuers", fmt.Sprint(i)}
		switch {
		case one.Issuer == "":
			p.add(path, "an issuer needs its name, as iss in its tokens: issuer: https://…")
		case named[one.Issuer]:
			p.add(under(path, "issuer"), "%s is there twice", one.Issuer)
		}
		named[one.Issuer] = true
		if one.Audience == "" {
			p.add(path, "an issuer needs an audience: tokens that it gives out for others must not be good here")
		}
		if (one.JWKSURL == "") == (one.KeysFile == "") {
			p.add(path, "an issuer needs either jwks_url, where its keys are, or keys_file, a file with them")
		}
		if one.JWKSURL != "" && !secureURL(one.JWKSURL) {
			p.add(under(path, "jwks_url"), "jwks_url is an https address (http on this machine only): whoever can change the keys on their way can sign")
		}
		p.checkAlgorithms(path, one.Algorithms)
		if len(one.RoleMap) == 0 {
			p.add(path, "an issuer needs a role_map, from what is in its roles claim to a role here, such as {beamline-staff: staff}; \"*\" is for every token")
		}
		for _, word := range slices.Sorted(maps.Keys(one.RoleMap)) {
			p.checkAdmit(under(path, "role_map"), []string{one.RoleMap[word]})
		}
		for j, space := range one.Spaces {
			if _, ok := s.Spaces[space]; !ok {
				p.add(under(path, "spaces", fmt.Sprint(j)), "there is no space %q%s", space, suggest(space, s.Spaces))
			}
		}
	}
}

func (p *siteProblems) checkAlgorithms(path []string, algorithms []string) {
	if len(algorithms) == 0 {
		p.add(path, "an issuer needs its algorithms, such as [ES256]: those that it signs with, and no others")
	}
	for j, name := range algorithms {
		at := under(path, "algorithms", fmt.Sprint(j))
		switch {
		case slices.Contains(issuer.Algorithms, name):
		case strings.HasPrefix(name, "HS"), strings.EqualFold(name, "none"):
			p.add(at, "%s cannot be allowed: it takes no private key to make such a token", name)
		default:
			p.add(at, "there is no algorithm %q here: use %s", name, strings.Join(issuer.Algorithms, ", "))
		}
	}
}

// secureURL reports whether nobody on the way can change what is read from an address.
func secureURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
}

// outside makes what verifies the tokens of the issuers, whose files are relative to dir; nil without any.
func (s *site) outside(dir string) (hub.Outside, error) {
	if len(s.Issuers) == 0 {
		return nil, nil
	}
	var all []issuer.Options
	for _, i := range s.Issuers {
		all = append(all, issuer.Options{
			Issuer: i.Issuer, Audience: i.Audience, URL: i.JWKSURL, File: beside(dir, i.KeysFile), Algorithms: i.Algorithms,
			UserClaim: i.UserClaim, NameClaim: i.NameClaim, RolesClaim: i.RolesClaim, RoleMap: i.RoleMap,
			ProposalsClaim: i.ProposalsClaim, Spaces: i.Spaces,
		})
	}
	issuers, err := issuer.New(all)
	if err != nil {
		return nil, configError{err}
	}
	return issuers, nil
}
