// Package ldap looks people up in an LDAP directory, such as OpenLDAP, 389 or Active Directory.
//
// It finds the entry of a person by a filter, as an account of its own, and then tries to bind as that entry with the
// password that was given. What they typed never becomes part of a filter or a name unescaped. A password travels over
// TLS only, unless the server is on this machine, and only to the servers that the site file names: referrals are not
// followed. The servers are asked in their order; the next one only if one cannot be reached.
//
// A connection lives for one sign-in. Sign-ins are few, and a connection that is kept has to be found dead first.
package ldap

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/baton-hub/baton/session"
)

// Options say where people are, and what is read from their entries.
type Options struct {
	URLs     []string // Required. ldaps://host or ldap://host, with a port if it is another than the usual; asked in order.
	StartTLS bool     // Optional. Begin TLS on an ldap:// connection.
	CAFile   string   // Optional. Certificates (PEM) of who vouches for the servers. Default: those of the system.

	BindDN       string // Optional. The account that searches. Default: nobody, for directories that anybody may search.
	PasswordFile string // Required with BindDN. Its password. The file is read for each sign-in, so it can be replaced.

	Base   string // Required. Where people are.
	Filter string // Optional. Finds a person; {user} is the account as it was typed. Default: (uid={user}).
	User   string // Optional. The attribute with the account. Default: uid.
	Name   string // Optional. The attribute with the name for people. Default: cn.

	MemberOf string // Optional. The attribute of a person with the names (DN) of their groups, such as memberOf.
	Groups   Groups // Optional. Where else groups are found.

	// Required. What the members of a group are. A group is named by its DN, or by the first part of it: staff for
	// cn=staff,ou=groups,dc=example,dc=org. Everybody who is known is a member of "*". Who has no role is refused.
	Roles map[string][]string

	Proposals Proposals // Optional. Where proposals come from.

	Timeout time.Duration // Optional. For a sign-in, all servers together. Default: 5 s.
}

// Groups say how the groups of a person are found.
type Groups struct {
	Base   string // Where groups are. "": they are not looked for.
	Filter string // Optional. {dn} is the DN of the person, {user} their account. Default: (member={dn}).
}

// Proposals say what the proposals of a person are.
type Proposals struct {
	Attribute string // Optional. The attribute of a person with them. Default: they are among the names of their groups.
	Pattern   string // Optional. What one looks like: a regular expression; what is in parentheses is the proposal.
}

// A Directory is the authenticator.
type Directory struct {
	options   Options
	servers   []server
	roots     *x509.CertPool
	proposals *regexp.Regexp // nil: none from groups, all from an attribute
}

var _ session.Authenticator = (*Directory)(nil)

type server struct {
	host, address string
	tls           bool // from the first byte
}

// New checks the options. It does not connect: a hub comes up while the directory is down.
func New(o Options) (*Directory, error) {
	o.Filter = cmp.Or(o.Filter, "(uid={user})")
	o.User, o.Name = cmp.Or(o.User, "uid"), cmp.Or(o.Name, "cn")
	o.Groups.Filter = cmp.Or(o.Groups.Filter, "(member={dn})")
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	d := &Directory{options: o}
	problems := []error{d.readServers(), d.readCA(), d.readPattern(), checkFilter("filter", o.Filter, "{user}")}
	if o.Groups.Base != "" {
		problems = append(problems, checkFilter("the filter of groups", o.Groups.Filter, "{dn}", "{user}"), checkDN("the base of groups", o.Groups.Base))
	}
	if o.Base == "" {
		problems = append(problems, errors.New("base is missing: say where people are, such as ou=people,dc=example,dc=org"))
	}
	problems = append(problems, checkDN("base", o.Base), checkDN("bind_dn", o.BindDN))
	if (o.BindDN == "") != (o.PasswordFile == "") {
		problems = append(problems, errors.New("bind_dn and bind_password_file go together: the account that searches, and its password"))
	}
	if len(o.Roles) == 0 {
		problems = append(problems, errors.New(`roles are missing: say what the members of a group are, such as roles: {"*": [user]}`))
	}
	if o.Timeout < 0 {
		problems = append(problems, errors.New("the timeout is negative"))
	}
	return d, errors.Join(problems...)
}

func (d *Directory) readServers() error {
	var problems []error
	for _, text := range d.options.URLs {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "ldap" && u.Scheme != "ldaps") || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
			problems = append(problems, errors.New("urls are such as ldaps://ldap.example.org, without a path or a password"))
			continue
		}
		s := server{host: u.Hostname(), tls: u.Scheme == "ldaps"}
		s.address = net.JoinHostPort(s.host, cmp.Or(u.Port(), map[bool]string{false: "389", true: "636"}[s.tls]))
		if !s.tls && !d.options.StartTLS && !loopback(s.host) {
			problems = append(problems, fmt.Errorf("urls: passwords would go to %s unencrypted: use ldaps://, or start_tls: true", s.host))
		}
		d.servers = append(d.servers, s)
	}
	if len(d.options.URLs) == 0 {
		problems = append(problems, errors.New("urls are missing: name a server, such as ldaps://ldap.example.org"))
	}
	return errors.Join(problems...)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *Directory) readCA() error {
	if d.options.CAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(d.options.CAFile)
	if err != nil {
		return fmt.Errorf("reading ca_file: %w", err)
	}
	d.roots = x509.NewCertPool()
	if !d.roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca_file %s holds no certificate: it has to be PEM", d.options.CAFile)
	}
	return nil
}

func (d *Directory) readPattern() error {
	p := d.options.Proposals
	if p.Pattern == "" {
		return nil
	}
	pattern, err := regexp.Compile(`^(?:` + p.Pattern + `)$`)
	if err != nil {
		return fmt.Errorf("the pattern of proposals is not a regular expression: %w", err)
	}
	if pattern.NumSubexp() > 1 {
		return errors.New("the pattern of proposals has several parentheses: put those around the proposal, and write (?:…) for others")
	}
	d.proposals = pattern
	return nil
}

func checkDN(what, dn string) error {
	if _, err := ldap.ParseDN(dn); err != nil {
		return fmt.Errorf("%s is not a name such as ou=people,dc=example,dc=org: %w", what, err)
	}
	return nil
}

// checkFilter refuses what is no filter, and one that is the same for everybody.
func checkFilter(what, filter string, wants ...string) error {
	if !slices.ContainsFunc(wants, func(w string) bool { return strings.Contains(filter, w) }) {
		return fmt.Errorf("%s has to say %s where the person's goes", what, strings.Join(wants, " or "))
	}
	if _, err := ldap.CompileFilter(fill(filter, "x", "x")); err != nil {
		return fmt.Errorf("%s is not one: %w", what, err)
	}
	return nil
}

// fill puts a person into a filter. Whatever they are called, it stays the same filter.
func fill(filter, user, dn string) string {
	return strings.NewReplacer("{user}", ldap.EscapeFilter(user), "{dn}", ldap.EscapeFilter(dn)).Replace(filter)
}

// maxTyped is the longest name or password that is sent to a directory, in bytes.
const maxTyped = 1024

// Authenticate is the Authenticate of a session.Authenticator. The directory is asked the same number of times for an
// account that there is and one that there is not.
func (d *Directory) Authenticate(ctx context.Context, c session.Credentials) (session.Identity, error) {
	if c.User == "" || c.Password == "" || len(c.User) > maxTyped || len(c.Password) > maxTyped {
		return session.Identity{}, session.ErrWrongCredentials // a bind without a password succeeds, as that of nobody
	}
	ctx, cancel := context.WithTimeout(ctx, d.options.Timeout)
	defer cancel()
	var away []error
	for i, s := range d.servers {
		one, forget := context.WithTimeout(ctx, timeLeft(ctx)/time.Duration(len(d.servers)-i))
		who, err := d.ask(one, s, c)
		forget()
		var down *unreachable
		if !errors.As(err, &down) {
			return who, err
		}
		away = append(away, err)
		if ctx.Err() != nil {
			break
		}
	}
	return session.Identity{}, errors.Join(append(away, context.Cause(ctx))...)
}

func timeLeft(ctx context.Context) time.Duration {
	late, _ := ctx.Deadline() // Authenticate has set one
	return time.Until(late)
}

// unreachable is returned when a server could not be asked, so that another may be.
type unreachable struct {
	server string
	err    error
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("asking the directory %s: %v", u.server, u.err)
}
func (u *unreachable) Unwrap() error { return u.err }

// ask looks a person up on one server.
func (d *Directory) ask(ctx context.Context, s server, c session.Credentials) (session.Identity, error) {
	conn, err := d.connect(ctx, s)
	if err != nil {
		return session.Identity{}, &unreachable{s.host, err}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // what waits for an answer then fails
	who, err := d.lookUp(conn, c)
	if err != nil && ctx.Err() != nil {
		return session.Identity{}, &unreachable{s.host, context.Cause(ctx)}
	}
	switch {
	case err == nil, errors.Is(err, session.ErrWrongCredentials):
		return who, err
	case ldap.IsErrorAnyOf(err, ldap.ErrorNetwork, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable, ldap.LDAPResultServerDown, ldap.LDAPResultTimeout):
		return session.Identity{}, &unreachable{s.host, err}
	}
	return session.Identity{}, fmt.Errorf("asking the directory %s: %w", s.host, err)
}

func (d *Directory) connect(ctx context.Context, s server) (*ldap.Conn, error) {
	config := &tls.Config{ServerName: s.host, RootCAs: d.roots, MinVersion: tls.VersionTLS12}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	if late, ok := ctx.Deadline(); ok {
		_ = raw.SetDeadline(late) // only a closed connection refuses it, which the next step tells
	}
	if s.tls {
		secured := tls.Client(raw, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		raw = secured
	}
	conn := ldap.NewConn(raw, s.tls)
	conn.Start()
	if late, ok := ctx.Deadline(); ok {
		conn.SetTimeout(time.Until(late))
	}
	if !s.tls && d.options.StartTLS {
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		if err := conn.StartTLS(config); err != nil {
			return nil, errors.Join(fmt.Errorf("beginning TLS: %w", err), conn.Close())
		}
	}
	return conn, nil
}

// lookUp finds the person, tries their password, and then reads their groups.
func (d *Directory) lookUp(conn *ldap.Conn, c session.Credentials) (session.Identity, error) {
	if err := d.bindOwn(conn); err != nil {
		return session.Identity{}, err
	}
	person, err := d.find(conn, c.User)
	if err != nil {
		return session.Identity{}, err
	}
	dn := "cn=" + rand.Text() + "," + d.options.Base // nobody's: to take as long as with one
	if person != nil {
		dn = person.DN
	}
	err = conn.Bind(dn, c.Password)
	switch {
	case person == nil && !ldap.IsErrorWithCode(err, ldap.ErrorNetwork), refusesPerson(err):
		return session.Identity{}, session.ErrWrongCredentials
	case err != nil:
		return session.Identity{}, fmt.Errorf("trying the password: %w", err)
	}
	groups, err := d.groups(conn, person)
	if err != nil {
		return session.Identity{}, err
	}
	return d.identity(person, groups), nil
}

// bindOwn makes the connection that of the account that searches.
func (d *Directory) bindOwn(conn *ldap.Conn) error {
	if d.options.BindDN == "" {
		return nil
	}
	text, err := os.ReadFile(d.options.PasswordFile)
	if err != nil {
		return fmt.Errorf("reading bind_password_file: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return fmt.Errorf("bind_password_file %s is empty", d.options.PasswordFile)
	}
	if err := conn.Bind(d.options.BindDN, password); err != nil {
		return fmt.Errorf("signing in to search, as %s: %w", d.options.BindDN, err)
	}
	return nil
}

// refusesPerson reports whether the answer to a bind is about the person: the password is wrong, or the account is
// locked, expired or not for signing in, which directories say in different ways.
func refusesPerson(err error) bool {
	return ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication,
		ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultNoSuchObject,
		ldap.LDAPResultConstraintViolation)
}
