// Package control is who may operate: the state machine of one seat, pure and complete.
//
// A Seat has at most one operator, a term, and a line of requests. Decide takes a seat and a Move (who does what) and
// returns the seat afterwards and the record for the journal, or a refusal. It has no clock and no memory: clocks
// elsewhere decide when to propose a move, never what is true.
//
// What it promises, whatever moves are made in whatever order:
//
//   - The term rises by one exactly when the operator changes, to, from or between people. It never falls.
//     So a term names one stay in the seat, and a write that carries an old one can be refused.
//   - Control is never given by silence. A seat is filled only by a request while it is vacant, a grant, a give or
//     a take. A line that stands when the seat empties grants nothing.
//   - The number of a request is used once. A request that was withdrawn, denied or granted cannot be granted again.
//   - Control belongs to a login session. When that ends the seat is vacant, and its requests are gone.
//   - A lost link changes nothing but Lost. Only Expired, naming the very loss that it saw, empties the seat.
//
// How the seat is kept in a log is no matter of this package; package session does that.
package control
