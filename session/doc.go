// Package session says who is signed in, and who may sign in.
//
// # The log decides, the store finds
//
// A login session is one sign-in, shared by all tabs of a browser. It is a Record in the log of its space, and as long as
// that is there the person is signed in; nothing else decides it. The Store of cookies (Redis, or a bucket of NATS) keeps
// where the hash of a token leads, and no more: it can be lost, and it can lie. What it has is a claim, of which
// Found.Check is the proof. So a cookie whose login session has ended works nowhere, whatever request was in flight and
// whatever the store forgot or brought back; and a store that is down makes nobody anonymous.
//
// The order is log, store, cookie. A hub that dies in between leaves a record to which no cookie leads; who comes with the
// cookie of before takes it up, and to anybody else it is a login session that is not in use, which ends by itself.
//
// # The second login
//
// SignIn is decided on the state that it applies to, like every transaction: whether others are there, whether the person
// is signed in elsewhere, what the Policy of the space makes of that. So of any number of sign-ins for one seat exactly
// one is admitted, on however many nodes, and a refusal disturbs nobody. What ends for a sign-in ends in its transaction,
// before the new login session is there, and before the hub answers no node sends to its tabs any more.
//
// # How it ends
//
// SignOut, for whoever wishes it or for the hub, takes the seat and the place in the line along: there is no position at
// which somebody who is signed out is in control. How it ended stays in the log for a while (Ended), so that a tab and a
// dead cookie can be told. While the instrument runs (Busy) its operator, and the last person there, are not signed out,
// unless staff force it. Idle time and the absolute life are counted by the hub's own clocks, which decide when to propose
// an end and never what is true.
//
// # Fresh credentials
//
// Who has entered the password lately (Confirm) may take control from somebody else by force, or sign out while the
// instrument runs. That is a fact in the log, too, which a transaction takes away again; the cookie gets a new token with
// it. Sockets belong to the login session and go on.
//
// # Who knows the password
//
// Authenticators do, of which a site has several, or other sites, to which a Redirector sends the browser. Whatever they
// are, a Guard stands before them: it slows down guessing on all nodes together (Throttle), makes an unknown account look
// like a wrong password, and takes only what can be an account, a role and a proposal.
//
// # Programs
//
// Tokens are records in the log in the same way, see Token and KnownToken. They are not login sessions: they take no seat,
// and are not in control.
//
// Who is in control is decided by package control, a pure machine; this package keeps its seat in the log.
package session
