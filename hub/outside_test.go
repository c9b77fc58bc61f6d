package hub_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
	"github.com/baton-hub/baton/session/issuer"
)

// An office issues tokens of its own, signed with ES256.
type office struct {
	t   *testing.T
	key *ecdsa.PrivateKey
	all *issuer.Issuers
}

const officeName = "https://office.example"

func newOffice(t *testing.T, spaces ...string) *office {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	set := fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":%q,"y":%q}]}`, encode(point[1:33]), encode(point[33:]))
	if err := os.WriteFile(path, []byte(set), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := issuer.New([]issuer.Options{{
		Issuer: officeName, Audience: "baton", File: path, Algorithms: []string{"ES256"}, ProposalsClaim: "proposals",
		RoleMap: map[string]string{"*": "user", "crew": "staff", "boss": "admin"}, Spaces: spaces,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return &office{t, key, all}
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// token is one for an account, good for so long.
func (o *office) token(user string, life time.Duration, roles ...string) string {
	o.t.Helper()
	payload, err := json.Marshal(map[string]any{
		"iss": officeName, "aud": "baton", "sub": user, "roles": roles, "proposals": []string{"mx-2112"}, "exp": float64(time.Now().Add(life).UnixMilli()) / 1000,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	signed := encode([]byte(`{"alg":"ES256","kid":"1"}`)) + "." + encode(payload)
	hash := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, o.key, hash[:])
	if err != nil {
		o.t.Fatal(err)
	}
	return signed + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// twin is the same token with the other signature that holds for it.
func twin(t *testing.T, token string) string {
	t.Helper()
	i := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	return token[:i+1] + encode(signature)
}

func (o *office) trusted(options *hub.Options) { options.Outside = o.all }

func TestATokenOfAnotherIssuerActsAsThePersonUntilItIsRevokedOnAnyNode(t *testing.T) {
	o, store := newOffice(t), natstest.Embedded(t)
	one, admin := tokenNode(t, nodeOptions{store: store, more: o.trusted})
	two, _ := tokenNode(t, nodeOptions{store: store, name: "two", more: o.trusted})
	token := o.token("alice", time.Hour)
	script := hubtest.Program(t, token)
	script.Request("POST", one.channel("notes"), `{"set":{"k":1}}`).Want(200)
	script.Request("PUT", two.channel("plan")+"/k", `1`).Want(200) // for her one proposal
	if a := one.user(t, "alice").Request("GET", one.channel("notes")+"/k", ""); a.Header.Get("Baton-By") != "alice" {
		t.Errorf("it was written by %q", a.Header.Get("Baton-By"))
	}
	script.Request("POST", one.url+"/api/v1/spaces/lab/control/request", `{}`).Problem(403, "forbidden")
	script.Request("GET", one.channel("secret"), "").Problem(403, "forbidden")
	hubtest.Program(t, o.token("sam", time.Hour, "crew")).Request("GET", one.channel("secret"), "").Want(200)
	var list struct{ Tokens []hub.TokenInfo }
	admin.Request("GET", one.tokens(), "").Into(200, &list)
	id := ""
	for _, it := range list.Tokens {
		if it.User == "alice" && it.Kind == "outside" && it.CreatedBy == officeName {
			id = it.ID
		}
	}
	if len(list.Tokens) != 2 || id == "" {
		t.Fatalf("the admin sees %+v", list.Tokens)
	}
	here, there := hubtest.OpenToken(t, one.url, "script-1", token), hubtest.OpenToken(t, two.url, "script-2", token)
	admin.Request("DELETE", one.tokens()+"/"+id, "").Want(204)
	for _, tab := range []*hubtest.Tab{here, there} {
		if code := tab.Ended(); code != wire.CloseSignedOut {
			t.Errorf("a socket was closed with %d", code)
		}
	}
	for what, token := range map[string]string{"the token": token, "its twin": twin(t, token)} {
		for _, n := range []*node{one, two} {
			a := hubtest.Program(t, token).Request("GET", n.channel("notes"), "")
			if a.Status != 401 {
				t.Errorf("%s was revoked, and is answered %d", what, a.Status)
			}
		}
	}
	hubtest.Program(t, o.token("alice", 2*time.Hour)).Request("GET", one.channel("notes"), "").Want(200) // another of hers
}

func TestTheTwinOfATokenIsTheSameToken(t *testing.T) {
	o := newOffice(t)
	n, admin := tokenNode(t, nodeOptions{more: o.trusted})
	token := o.token("alice", time.Hour)
	for _, one := range []string{token, twin(t, token)} {
		hubtest.Program(t, one).Request("GET", n.channel("notes"), "").Want(200)
	}
	var list struct{ Tokens []hub.TokenInfo }
	if admin.Request("GET", n.tokens(), "").Into(200, &list); len(list.Tokens) != 1 {
		t.Errorf("they are %d on record", len(list.Tokens))
	}
}

func TestTokensOfAnotherIssuerAreGoodWhereAndAsLongAsTheyAre(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "lab")
	n, _ := tokenNode(t, nodeOptions{policy: session.Policy{Admit: []string{"staff", "admin"}}, more: func(options *hub.Options) {
		o.trusted(options)
		options.Spaces = append(options.Spaces, hub.Site{Name: "attic"})
	}})
	crew := hubtest.Program(t, o.token("sam", time.Hour, "crew"))
	crew.Request("GET", n.url+"/api/v1/spaces/attic/channels/notes", "").Problem(403, "forbidden")
	crew.Request("GET", n.url+"/api/v1/session", "").Want(200) // where no space is named, it is the only one
	if names := spaceNames(t, n, crew, 10); strings.Join(names, " ") != "lab" {
		t.Errorf("it is shown %v", names)
	}
	hubtest.Program(t, o.token("alice", time.Hour)).Request("GET", n.channel("notes"), "").Problem(403, "forbidden") // not admitted
	hubtest.Program(t, o.token("", time.Hour, "crew")).Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
	hubtest.Program(t, o.token("service/x", time.Hour, "crew")).Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
	p := hubtest.Program(t, "a.b.c").Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
	if !strings.Contains(p["detail"].(string), "JWT") {
		t.Errorf("a bad one is told %q", p["detail"])
	}
	short := o.token("sam", 4500*time.Millisecond-issuer.Leeway, "crew")
	tab := hubtest.OpenToken(t, n.url, "short-1", short)
	if code := tab.Ended(); code != wire.CloseSignedOut {
		t.Errorf("when it had expired the socket was closed with %d", code)
	}
	hubtest.Program(t, short).Request("GET", n.channel("notes"), "").Problem(401, "signed_out")
}

func TestATokenThatIsGoodInSeveralSpacesSaysWhichOneItIsFor(t *testing.T) {
	o := newOffice(t)
	n, _ := tokenNode(t, nodeOptions{more: func(options *hub.Options) {
		o.trusted(options)
		options.Spaces = append(options.Spaces, hub.Site{Name: "attic"})
	}})
	token := o.token("alice", time.Hour)
	hubtest.Program(t, token).Request("GET", n.url+"/api/v1/session", "").Problem(400, "invalid")
	hubtest.Program(t, token).Request("GET", n.url+"/api/v1/session?space=lab", "").Want(200)
	hubtest.Program(t, token).Request("GET", n.url+"/api/v1/session?space=cellar", "").Problem(404, "unknown_name")
	c, err := client.Connect(t.Context(), client.Options{URL: n.url, Token: token, Space: "lab"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Set(t.Context(), "notes", map[string]any{"k": 1}); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
