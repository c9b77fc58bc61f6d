package hub

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// errandLife is how long somebody may take to sign in at another site.
const errandLife = 10 * time.Minute

// The bounds of what goes along on an errand: the cookie of it has to stay below 4 KiB.
const maxReturn = 1024

// Provider is another site that signs people in, as the sign-in page lists it.
type Provider struct {
	Name  string `json:"name" doc:"GET /api/v1/login/{name} goes there."`
	Title string `json:"title" doc:"For people."`
}

type loginInput struct {
	Provider string `path:"provider" maxLength:"128" doc:"The name of the other site."`
	Space    string `query:"space" required:"true" maxLength:"128" doc:"The space to sign in to."`
	Return   string `query:"return" default:"/" doc:"The path of this site to come back to."`
	Proposal string `query:"proposal" maxLength:"128" doc:"Which of one's proposals it is for, if there are several."`
	Replace  bool   `query:"replace" doc:"End one's other login sessions, where the site asks before it does that. Heeded only from pages of this site."`
	Fresh    bool   `query:"fresh" doc:"Have the other site ask for the credentials, though it may know who it is: what needs fresh credentials may be done then. Come with the cookie."`
}

type callbackInput struct {
	Provider string `path:"provider" maxLength:"128"`
}

type redirectOutput struct {
	Location string `header:"Location"`
	Referrer string `header:"Referrer-Policy"`
}

func goTo(address string) *redirectOutput { return &redirectOutput{address, "no-referrer"} }

// loginOperations are the way to other sites that sign people in, and back.
func loginOperations(a *api) {
	redirects := func(what string) map[string]*huma.Response {
		return map[string]*huma.Response{"302": {Description: what}}
	}
	public(a, huma.Operation{
		OperationID: "go-to-login", Method: http.MethodGet, Path: "/api/v1/login/{provider}", Tags: []string{"session"}, DefaultStatus: http.StatusFound,
		Summary:     "Go to another site to sign in",
		Description: "For a browser, which is sent to the site. GET /api/v1/spaces lists those that there are. The cookie that the answer sets is for the way back, and good for ten minutes.",
		Responses:   redirects("To the other site, or back to return with ?login= and the code of what went wrong."),
		Errors:      []int{http.StatusNotFound},
	}, beginLogin)
	public(a, huma.Operation{
		OperationID: "come-back-from-login", Method: http.MethodGet, Path: "/api/v1/login/{provider}/callback", Tags: []string{"session"}, DefaultStatus: http.StatusFound,
		Summary:     "Come back from another site, signed in",
		Description: "For a browser that the site sends. It is signed in as with a password, by the same rules.",
		Responses:   redirects("To return: signed in, or with ?login= and the code of a refusal, and &space=; with choose_proposal there are the proposals, each as &proposal=."),
		Errors:      []int{http.StatusNotFound},
	}, finishLogin)
}

// anErrand is what goes along with a browser to another site.
type anErrand struct {
	session.Errand
	Space  string `json:"space"`
	Return string `json:"return"`
	Entry  entry  `json:"entry"`
}

// purpose keeps an errand to one site from being used for another.
func purpose(provider string) string { return "login " + provider }

// redirect finds another site by its name.
func (s *setup) redirect(name string) (session.Redirector, error) {
	for _, r := range s.Redirects {
		if r.Name() == name {
			return r, nil
		}
	}
	return nil, channels.Refuse(channels.CodeUnknownName, "there is no such way to sign in here: GET /api/v1/spaces lists those that there are")
}

func checkRedirects(all []session.Redirector, seal *session.Seal) error {
	seen := map[string]bool{}
	for _, r := range all {
		if err := channels.CheckName(r.Name()); err != nil {
			return err
		}
		if seen[r.Name()] {
			return fmt.Errorf("two ways to sign in are called %s", r.Name())
		}
		seen[r.Name()] = true
	}
	if len(all) > 0 && seal == nil {
		return errors.New("to sign in at another site, the hub needs a seal")
	}
	return nil
}

// beginLogin sends the browser to another site, and gives it what it has to bring back.
func beginLogin(v *visit, in *loginInput) (*redirectOutput, error) {
	h, r := v.hub, v.r
	provider, err := h.setup.Load().redirect(in.Provider)
	switch {
	case err != nil:
		return nil, err
	case h.rooms[in.Space] == nil:
		return nil, errNoSpace
	case !isLocalPath(in.Return):
		return nil, invalid("return is a path of this site, such as /")
	}
	e := anErrand{
		Space: in.Space, Return: in.Return,
		// The cookie of the login session does not come along when another site sends the browser back, so what it says
		// goes along from here. Whoever sends somebody here must not end their sessions.
		Entry: entry{in.Proposal, in.Replace && ownPage(r), h.options.Logins.Presented(r), !ownPage(r)},
		Errand: session.Errand{
			Fresh: in.Fresh, State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text(), // 52 letters, RFC 7636 wants 43 to 128
			Callback: h.scheme(r) + "://" + r.Host + "/api/v1/login/" + provider.Name() + "/callback",
		},
	}
	sealed, err := h.options.Seal.Close(r.Context(), purpose(provider.Name()), e, errandLife)
	if err != nil {
		return nil, err
	}
	address, err := provider.Begin(r.Context(), e.Errand)
	if err != nil {
		h.logger.Warn("nobody can sign in at another site", "provider", provider.Name(), "error", err)
		return goTo(backTo(in.Return, in.Space, err)), nil
	}
	http.SetCookie(v.w, h.options.Logins.Errand(sealed, errandLife))
	return goTo(address), nil
}

// ownPage reports whether a page of this site, or the person themself, asks for a page. A browser that does not say so is
// taken for one that would not.
func ownPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == "none"
}

// isLocalPath reports whether an address is a path of this site, whatever a browser makes of odd letters.
func isLocalPath(path string) bool {
	u, err := url.Parse(path)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && len(path) <= maxReturn &&
		strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "/api/") &&
		!strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || unicode.IsControl(r) || unicode.IsSpace(r) })
}

// finishLogin signs in whom another site vouches for.
func finishLogin(v *visit, in *callbackInput) (*redirectOutput, error) {
	h, r := v.hub, v.r
	now := h.setup.Load()
	provider, err := now.redirect(in.Provider)
	if err != nil {
		return nil, err
	}
	e, err := h.errand(r, provider.Name())
	http.SetCookie(v.w, h.options.Logins.Errand("", 0))
	if err != nil {
		return goTo(backTo("/", "", err)), nil
	}
	room := h.rooms[e.Space]
	if room == nil {
		return goTo(backTo("/", "", errNoSpace)), nil
	}
	who, err := now.guard.Return(r.Context(), h.address(r), func(ctx context.Context) (session.Identity, error) {
		return provider.Finish(ctx, e.Errand, r.URL.Query())
	})
	if err != nil {
		h.noteFailure(r, credentials{Space: e.Space, User: "at " + provider.Name()}, err)
		room.counts.signedIn(err)
		return goTo(backTo(e.Return, e.Space, err)), nil
	}
	if _, err := h.letIn(v.w, r, room, who, e.Entry); err != nil {
		return goTo(backTo(e.Return, e.Space, err)), nil
	}
	return goTo(e.Return), nil
}

var errNoErrand = &problem{status: http.StatusBadRequest, code: "login_expired", detail: "It took too long to sign in, or it was begun in another browser. Begin again."}

// errand is the one that the browser of a request comes back from.
func (h *Hub) errand(r *http.Request, provider string) (e anErrand, err error) {
	cookie, err := r.Cookie(h.options.Logins.Errand("", 0).Name)
	if err != nil {
		return e, errNoErrand
	}
	err = h.options.Seal.Open(r.Context(), purpose(provider), cookie.Value, &e)
	if errors.Is(err, session.ErrBroken) || err == nil && subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("state")), []byte(e.State)) != 1 {
		return e, errNoErrand
	}
	return e, err
}

// backTo is a path of this site with why somebody is not signed in to a space.
func backTo(path, space string, err error) string {
	p := problemOf(err)
	u, bad := url.Parse(path)
	if bad != nil { // it has been looked at
		u = &url.URL{Path: "/"}
	}
	query := u.Query()
	query.Set("login", p.code)
	if space != "" {
		query.Set("space", space)
	}
	if proposals, ok := p.more["proposals"].([]string); ok {
		query["proposal"] = proposals
	}
	u.RawQuery = query.Encode()
	return u.String()
}
