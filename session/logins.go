package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/baton-hub/baton/channels"
)

// Absolute is the longest life of a login session where the site does not say: after that the person signs in again.
const Absolute = 24 * time.Hour

const (
	loginWait = 3 * time.Second // how long a look-up may take in all before the store counts as down
)

// ErrNoLogin is returned when a request has no cookie of ours, or one that leads nowhere (any more). Any other error means
// that the store cannot be asked, which makes nobody anonymous.
var ErrNoLogin = errors.New("no login session")

// LoginOptions say how Logins work.
type LoginOptions struct {
	Store  Store // Required.
	Secure bool  // Optional. The cookie is __Host-baton and goes over https only. Else it is baton: plain http, for development.
}

// Logins find the login session of a cookie. They never decide who is signed in: the log does, see Found.Check. The
// store keeps no more than where a token leads, and the token only as its hash.
//
// There is no LoadAndSave of scs here. It conflicts with hijacked connections, and it writes a login session back at
// the end of each request, even when a sign-out went by in the meantime.
type Logins struct {
	manager *scs.SessionManager
	store   Store
	cookie  http.Cookie
	lookups *lookups
}

// NewLogins makes Logins. They have no goroutines.
func NewLogins(o LoginOptions) *Logins {
	name := "baton"
	if o.Secure {
		name = "__Host-baton"
	}
	return &Logins{
		// Not by scs.New: that starts a goroutine, for a store in memory that nobody uses.
		manager: &scs.SessionManager{
			Lifetime: Absolute, Store: o.Store, Codec: codec{}, HashTokenInStore: true,
		},
		store: o.Store, lookups: newLookups(),
		cookie: http.Cookie{
			Name: name, Path: "/",
			HttpOnly: true, Secure: o.Secure, SameSite: http.SameSiteStrictMode,
		},
	}
}

// A Login is a sign-in that is not in the store yet. The order is: Begin, then the log decides, then Keep, and only
// then does the browser get the cookie.
type Login struct {
	Session string // the id for a new login session
	Hash    string // of the token, for Record.Hash

	space  string
	life   time.Duration
	loaded context.Context // where scs keeps the new token
}

// Begin makes a new token, which leads to a login session of the space for as long as life. Nothing is stored, but the store
// has answered: what cannot be kept is not begun.
func (l *Logins) Begin(ctx context.Context, space string, life time.Duration) (*Login, error) {
	bounded, cancel := context.WithTimeout(ctx, loginWait)
	defer cancel()
	if _, _, err := l.store.FindCtx(bounded, "ready"); err != nil {
		return nil, fmt.Errorf("finding out whether login sessions can be kept: %w", err)
	}
	loaded, err := l.manager.Load(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("beginning a login session: %w", err)
	}
	if err := l.manager.RenewToken(loaded); err != nil {
		return nil, fmt.Errorf("making a token: %w", err)
	}
	return &Login{
		Session: "s" + strings.ToLower(rand.Text()[:16]), Hash: hashToken(l.manager.Token(loaded)), space: space, life: life, loaded: loaded,
	}, nil
}

// Keep puts into the store that the token leads to the login session with the id, which the log may have chosen other
// than Login.Session, and returns the cookie with the token.
func (l *Logins) Keep(ctx context.Context, login *Login, id string) (*http.Cookie, error) {
	ctx, cancel := context.WithTimeout(Creating(ctx), loginWait)
	defer cancel()
	both := valuesOf{ctx, login.loaded}
	l.manager.SetDeadline(both, time.Now().Add(login.life).UTC())
	l.manager.Put(both, spaceField, login.space)
	l.manager.Put(both, sessionField, id)
	token, _, err := l.manager.Commit(both)
	if err != nil {
		return nil, fmt.Errorf("keeping a login session: %w", err)
	}
	cookie := l.cookie
	cookie.Value, cookie.MaxAge = token, int(login.life/time.Second)
	return &cookie, nil
}

// Found is where a cookie leads.
type Found struct {
	Space, Session string
	// Check refuses with channels.CodeSignedOut if the login session is not in the log of the space, or with another
	// token: what the store says is a claim, and this is the proof.
	Check func(channels.View) error
}

// Find looks up the cookie of a request. It takes 3 s at most. The store keeps a token for its absolute life; how long a
// login session may be idle is the hub's to say, which sees open tabs where the store sees requests only. Requests with
// one cookie that come together share a look-up, and there are 1,000 of them in a second at most.
func (l *Logins) Find(ctx context.Context, r *http.Request) (Found, error) {
	token, ok := l.token(r)
	if !ok {
		return Found{}, ErrNoLogin
	}
	hash := hashToken(token)
	return l.lookups.share(ctx, hash, func(ctx context.Context) (Found, error) { return l.find(ctx, token, hash) })
}

func (l *Logins) find(ctx context.Context, token, hash string) (Found, error) {
	loaded, err := l.manager.Load(ctx, token)
	if err != nil {
		return Found{}, fmt.Errorf("finding a login session: %w", err)
	}
	f := Found{Space: l.manager.GetString(loaded, spaceField), Session: l.manager.GetString(loaded, sessionField)}
	if f.Space == "" || f.Session == "" {
		return Found{}, ErrNoLogin
	}
	f.Check = func(v channels.View) error {
		s, ok := Find(v, f.Session)
		if !ok || subtle.ConstantTimeCompare([]byte(s.Hash), []byte(hash)) != 1 {
			return signedOut()
		}
		return nil
	}
	return f, nil
}

// Drop makes the token with a hash, see Presented, lead nowhere, for good: a request that is still in flight cannot bring
// it back.
func (l *Logins) Drop(ctx context.Context, hash string) error {
	if hash == "" {
		return ErrNoLogin
	}
	ctx, cancel := context.WithTimeout(ctx, loginWait)
	defer cancel()
	if err := l.store.DeleteCtx(ctx, hash); err != nil {
		return fmt.Errorf("dropping a login session: %w", err)
	}
	return nil
}

// Expired is the cookie that makes a browser forget ours.
func (l *Logins) Expired() *http.Cookie {
	cookie := l.cookie
	cookie.MaxAge = -1
	return &cookie
}

// Errand is the cookie in which a browser keeps an errand for the hub, sealed; "" makes it forget that. Unlike that of the
// login session it comes along when another site sends the browser back.
func (l *Logins) Errand(sealed string, lifetime time.Duration) *http.Cookie {
	cookie := l.cookie
	cookie.Name, cookie.Value, cookie.MaxAge, cookie.SameSite = cookie.Name+"-errand", sealed, int(lifetime/time.Second), http.SameSiteLaxMode
	if sealed == "" {
		cookie.MaxAge = -1
	}
	return &cookie
}

// Presented is the hash of the token that came along, "" if none did. It serves as SignIn.Resume where the store has
// forgotten where the token leads; the log has not.
func (l *Logins) Presented(r *http.Request) string {
	if token, ok := l.token(r); ok {
		return hashToken(token)
	}
	return ""
}

func (l *Logins) token(r *http.Request) (string, bool) {
	cookie, err := r.Cookie(l.cookie.Name)
	if err != nil || cookie.Value == "" {
		return "", false
	}
	return cookie.Value, true
}

// hashToken is how scs hashes tokens with HashTokenInStore.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// valuesOf ends as its Context does, and has first the values of another.
type valuesOf struct {
	context.Context
	first context.Context
}

func (v valuesOf) Value(key any) any {
	if value := v.first.Value(key); value != nil {
		return value
	}
	return v.Context.Value(key)
}
