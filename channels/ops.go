package channels

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"
)

// KeptOps is how many operations of each client are remembered that are in the log.
const KeptOps = 64

// ForgottenKey is the member of a refusal's More that says: the operation is too old to be known, and never will be again.
const ForgottenKey = "forgotten"

// HashBody returns what binds an operation id to its request.
func HashBody(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// A doneOp is an operation that is in the log, as long as it is remembered.
type doneOp struct {
	N        uint64          `json:"n"`
	Hash     string          `json:"h"`
	Position uint64          `json:"p"`
	Answer   json.RawMessage `json:"a,omitempty"`
	Refused  bool            `json:"r,omitempty"` // Answer is a Refusal: it is there so that it is never done
}

func (d *doneOp) outcome() Outcome {
	if !d.Refused {
		return Outcome{Position: d.Position, Answer: d.Answer}
	}
	var r Refusal
	if err := json.Unmarshal(d.Answer, &r); err != nil {
		r = Refusal{Code: CodeInvalid, Detail: "this was refused before"} // by a version that says it in another way
	}
	return Outcome{Position: d.Position, Err: &r}
}

// clientOps remembers the last operations of one client. Its zero value has none.
type clientOps struct {
	User  string    `json:"user"`
	Done  []doneOp  `json:"done"`            // by growing N, at most KeptOps
	Floor uint64    `json:"floor,omitempty"` // the highest N that was dropped: nobody knows about those up to it
	At    time.Time `json:"at"`              // of the last one, log time

	name string // the client's id: the one string of it that the state keeps
}

// find returns where operation n is, or would be, in Done.
func (c *clientOps) find(n uint64) (i int, found bool) {
	return slices.BinarySearchFunc(c.Done, n, func(d doneOp, n uint64) int { return cmp.Compare(d.N, n) })
}

// lookUp answers for an operation that may have been committed before: its record, or a refusal when the id is
// somebody else's, was used for another body, or is too old to know. Neither means: it is new.
func (c *clientOps) lookUp(op Op, user, hash string) (*doneOp, error) {
	if c == nil {
		return nil, nil
	}
	if c.User != user {
		return nil, Refuse(CodeOpReused, "the client id %s is in use by somebody else: take a new random one", op.Client)
	}
	i, found := c.find(op.N)
	switch {
	case found && c.Done[i].Hash != hash:
		return nil, Refuse(CodeOpReused, "operation %s was something else: take the next number", op)
	case found:
		return &c.Done[i], nil
	case op.N <= c.Floor:
		r := Refuse(CodeUnknown, "operation %s is older than the last %d of its client: read the state to learn what became of it", op, KeptOps)
		r.More = map[string]any{ForgottenKey: true} // unlike other unknown outcomes, it is not learnt by sending it again
		return nil, r
	}
	return nil, nil
}

// UserOf returns whose a client id is, as far as its operations are remembered; "" if nobody has made one.
func (s *State) UserOf(client string) string {
	if ops := s.ops[client]; ops != nil {
		return ops.User
	}
	return ""
}

// CommittedAt returns the position at which an operation was committed; 0 if it was not, or is not remembered. A refusal that
// was logged is not a commit.
func (s *State) CommittedAt(op Op) uint64 {
	ops := s.ops[op.Client]
	if ops == nil {
		return 0
	}
	i, found := ops.find(op.N)
	if !found || ops.Done[i].Refused {
		return 0
	}
	return ops.Done[i].Position
}

// same returns the second of two strings if they are alike: the one that is kept anyway.
func same(s, kept string) string {
	if s == kept {
		return kept
	}
	return s
}

// remember adds an operation and drops the oldest beyond KeptOps.
func (c *clientOps) remember(d doneOp, at time.Time) {
	i, _ := c.find(d.N)
	c.Done = slices.Insert(c.Done, i, d)
	if len(c.Done) > KeptOps {
		c.Floor = max(c.Floor, c.Done[0].N)
		c.Done = slices.Delete(c.Done, 0, 1)
	}
	c.At = at
}

// MaxClients is how many clients of one user are remembered. Nobody has that many pages open; of more, those that were
// silent longest are forgotten, some at a time.
const MaxClients = 10_000

// remember begins to keep the operations of a client.
func (s *State) remember(ops *clientOps) {
	s.ops[ops.name] = ops
	if s.clients[ops.User]++; s.clients[ops.User] <= MaxClients {
		return
	}
	var others []*clientOps
	for _, o := range s.ops {
		if o.User == ops.User && o != ops {
			others = append(others, o)
		}
	}
	slices.SortFunc(others, func(a, b *clientOps) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.name, b.name)) })
	for _, o := range others[:MaxClients/10] {
		s.forget(o)
	}
}

func (s *State) forget(ops *clientOps) {
	delete(s.ops, ops.name)
	if s.clients[ops.User]--; s.clients[ops.User] == 0 {
		delete(s.clients, ops.User)
	}
}

// ForgetAfter is how long a silent client's operations are remembered, in log time.
const ForgetAfter = 3 * 24 * time.Hour

// Forgettable reports whether there are clients that Forget would drop.
func (s *State) Forgettable() bool {
	for _, ops := range s.ops {
		if s.silent(ops) {
			return true
		}
	}
	return false
}

func (s *State) silent(ops *clientOps) bool { return s.time.Sub(ops.At) > ForgetAfter }

// Forget returns the decision that drops the operation records of clients that were silent for ForgetAfter, as the
// log's own clock counts it.
func Forget() Decide {
	return func(d *Draft) (any, error) {
		for client, ops := range d.state.ops {
			if d.state.silent(ops) {
				d.Delete(Ref{Channel: OpsStore, Key: client})
			}
			if len(d.effects) == MaxKeys { // the others another time: an entry has its limit
				break
			}
		}
		if len(d.effects) == 0 {
			return nil, ErrNothing
		}
		return nil, nil
	}
}
