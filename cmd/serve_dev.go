package cmd

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// demoSpace is the space of the demo beamline, and the id of its token.
const (
	demoSpace = "demo"
	demoToken = "demo"
)

// startDemo mints a token for the demo beamline and runs it against this node, through the public API like any service.
func (n *node) startDemo(ctx context.Context, url string) (stop func(), err error) {
	if _, ok := n.began.Spaces[demoSpace]; !ok {
		return func() {}, nil
	}
	space, err := n.hub.Space(ctx, demoSpace)
	if err != nil {
		return nil, fmt.Errorf("opening the demo space: %w", err)
	}
	token := session.Token{Space: demoSpace, ID: demoToken, Secret: rand.Text()}
	if err := mint(ctx, space, token, "beamline"); err != nil {
		return nil, fmt.Errorf("minting the demo's token: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if err := demo(ctx, demoOptions{URL: url, Token: token.String()}, n.logger); err != nil && ctx.Err() == nil {
				n.logger.Error("the demo beamline stopped, it starts again", "error", err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
	return func() { cancel(); running.Wait() }, nil
}

func mint(ctx context.Context, space *channels.Space, token session.Token, name string) error {
	return space.House(ctx, session.Mint(token, name, []string{"service"})).Err
}

// devToken mints a token to develop with: for curl, and for services that are being written. It is another at each start,
// so none that stands in somebody's notes is good for a data directory that is used in earnest later; "" without the space.
func (n *node) devToken(ctx context.Context, address net.Addr) (string, error) {
	if _, ok := n.began.Spaces[demoSpace]; !ok || !n.options.Demo { // on further nodes that of the first is good
		return "", nil
	}
	space, err := n.hub.Space(ctx, demoSpace)
	if err != nil {
		return "", fmt.Errorf("opening the demo space: %w", err)
	}
	_, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return "", err
	}
	token := session.Token{Space: demoSpace, ID: "dev" + port, Secret: rand.Text()} // each node on this machine has its own
	if err := mint(ctx, space, token, "dev"); err != nil {
		return "", fmt.Errorf("minting the development token: %w", err)
	}
	return token.String(), nil
}

// greet says where to look and how to get in.
func greet(out streams, url, token string) {
	if token != "" {
		token = fmt.Sprintf("\n  Programs and curl   TOKEN=%s\n                      (a service of the space %s, until the next start)\n", token, demoSpace)
	}
	var users []string
	for _, u := range (session.Dev{}).Users() {
		users = append(users, fmt.Sprintf("%s / %s", u, u))
	}
	fmt.Fprintf(out.out, `
  Baton is running:   %s

  Sign in as          %s
                      (user / password; sam is staff, ada administers)
%s
  Open it in two windows as alice, and in another browser as bob. Ctrl-C stops it.

`, url, strings.Join(users, "   "), token)
}
