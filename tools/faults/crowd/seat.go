package crowd

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// A contender wants to be the one person who is let in to a space that takes one at a time.
type contender struct {
	p      *person
	random *rand.Rand
	tries  int // with a wrong password
}

// The wrong passwords that one account may try: the hub throttles after five.
const wrongTries = 2

func (c *contender) run(ctx context.Context, over <-chan struct{}) {
	s := c.p.site
	for {
		select {
		case <-over:
			return
		default:
		}
		if c.random.IntN(10) == 0 && c.tries < wrongTries {
			c.tries++
			s.person(s.One, c.p.user).signIn(ctx, s.anywhere(c.random), "not it", false)
		}
		if c.p.signIn(ctx, s.anywhere(c.random), c.p.user, true).status == http.StatusOK {
			pause(ctx, between(c.random, 200*time.Millisecond, 2*time.Second))
			c.p.visit(ctx, s.anywhere(c.random))
			c.leave(ctx)
		}
		if !pause(ctx, between(c.random, 200*time.Millisecond, 2*time.Second)) {
			return
		}
	}
}

// leave signs out, and asks again until it is known that it has worked.
func (c *contender) leave(ctx context.Context) {
	for {
		a := c.p.signOut(ctx, c.p.site.anywhere(c.random), nil)
		if a.status == http.StatusNoContent || a.status == http.StatusUnauthorized {
			break
		}
		if !pause(ctx, between(c.random, retryAfter/2, retryAfter)) {
			break
		}
	}
	c.p.forget()
}
