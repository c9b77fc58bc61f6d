package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
)

// A Guard stands before the authenticators: it slows down who guesses, answers an unknown name as a wrong password, and
// takes an identity only if it is one. Every password that comes to the hub goes through it.
type Guard struct {
	Sign     Authenticator // Required.
	Throttle *Throttle     // Optional. Without it nobody is slowed down: for tests and tools.

	// Optional. What people can be, beside what every site has; other roles of the authenticators' are left out. nil: any.
	Roles []string

	// Optional. No refusal is given sooner after the credentials came. So the time of an answer does not tell whether an
	// authenticator had somebody to compare with, nor which of several. Default: at once.
	RefuseAfter time.Duration

	Logger *slog.Logger // Optional. Default: silent.
}

// The bounds of an Identity.
const (
	maxUserRoles     = 64
	maxUserProposals = 1000
)

// SignIn is Authenticate for somebody at an address. It returns a *Throttled before the credentials are looked at.
func (g *Guard) SignIn(ctx context.Context, c Credentials, address string) (Identity, error) {
	soonest := time.After(g.RefuseAfter)
	var try *Try
	if g.Throttle != nil {
		var err error
		if try, err = g.Throttle.Begin(ctx, Attempt{Account: c.User, Address: address}); err != nil {
			return Identity{}, err
		}
	}
	who, err := g.Sign.Authenticate(ctx, c)
	return g.settle(ctx, try, soonest, who, err)
}

// Return is SignIn for somebody who comes back from another site, with what came of asking that. Who has no account yet
// is slowed down by address only.
func (g *Guard) Return(ctx context.Context, address string, ask func(context.Context) (Identity, error)) (Identity, error) {
	var try *Try
	if g.Throttle != nil {
		var err error
		if try, err = g.Throttle.BeginAt(ctx, address); err != nil {
			return Identity{}, err
		}
	}
	who, err := ask(ctx)
	return g.settle(ctx, try, time.After(0), who, err)
}

// settle puts the count right when it is known how a try ended.
func (g *Guard) settle(ctx context.Context, try *Try, soonest <-chan time.Time, who Identity, err error) (Identity, error) {
	// Whoever goes away while the answer is on its way has tried all the same.
	after, gone := context.WithoutCancel(ctx), ctx.Err() != nil
	switch {
	case errors.Is(err, ErrWrongCredentials):
		select {
		case <-soonest:
		case <-ctx.Done():
		}
		return Identity{}, ErrWrongCredentials // and nothing that was wrapped around it
	case err != nil:
		if !gone {
			g.note(try.undecided(after))
		}
		return Identity{}, err
	}
	g.note(try.succeeded(after))
	return g.Admit(who)
}

// Admit checks what an authenticator says of a person who has proved who they are, and leaves out roles that nobody has
// and proposals that cannot be.
func (g *Guard) Admit(who Identity) (Identity, error) {
	if err := channels.CheckKey(who.User); err != nil {
		return Identity{}, fmt.Errorf("the authenticator gave an account that cannot be one: %w", err)
	}
	if strings.HasPrefix(who.User, ServicePrefix) {
		return Identity{}, fmt.Errorf("the account %q looks like a program's", who.User)
	}
	if len(who.Name) > channels.MaxName {
		who.Name = strings.ToValidUTF8(who.Name[:channels.MaxName], "")
	}
	var roles []string
	for _, role := range who.Roles {
		if g.isRole(role) && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	who.Roles = roles[:min(len(roles), maxUserRoles)]
	var proposals []string
	for _, proposal := range who.Proposals {
		if channels.CheckKey(proposal) == nil && !slices.Contains(proposals, proposal) { // they are keys of stores
			proposals = append(proposals, proposal)
		}
	}
	who.Proposals = proposals[:min(len(proposals), maxUserProposals)]
	return who, nil
}

// isRole reports whether a word is a role that somebody can have. Who is in control, or whose a value is, is for no
// directory to say.
func (g *Guard) isRole(role string) bool {
	switch channels.Right(role) {
	case channels.RightMember, channels.RightOperator, channels.RightOwner:
		return false
	case "user", "staff", "admin", channels.RoleService:
		return true
	}
	return channels.CheckName(role) == nil && (g.Roles == nil || slices.Contains(g.Roles, role))
}

// note tells of a count that could not be put right. The answer does not wait for another try: at worst, somebody waits.
func (g *Guard) note(err error) {
	if err != nil && g.Logger != nil {
		g.Logger.Warn("a sign-in is still counted as failed", "error", err)
	}
}

func (t *Try) succeeded(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.Succeeded(ctx)
}

func (t *Try) undecided(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.Undecided(ctx)
}
