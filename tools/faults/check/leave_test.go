package check_test

import (
	"testing"

	"github.com/baton-hub/baton/tools/faults/history"
)

func TestNothingComesAfterASignOutIsAnswered(t *testing.T) {
	out := history.Visit{What: history.SignOut, Session: "s-alice", Cookie: "k1", User: "alice", Status: 204, Begin: 10, End: 20, Settled: 25}
	for name, c := range map[string]struct {
		out   history.Visit
		bytes []history.Bytes
		finds []string
	}{
		"all of it before":            {out, []history.Bytes{{Conn: "s1", Session: "s-alice", At: 19, Count: 5}, {Conn: "s2", Session: "s-alice", At: 24, Count: 5}}, nil},
		"to somebody else":            {out, []history.Bytes{{Conn: "s3", Session: "s-bob", At: 90, Count: 5}}, nil},
		"it was refused":              {seenAs(out, func(v *history.Visit) { v.Status = 409 }), []history.Bytes{{Conn: "s1", Session: "s-alice", At: 90, Count: 5}}, nil},
		"on one of two sockets":       {out, []history.Bytes{{Conn: "s1", Session: "s-alice", At: 19, Count: 5}, {Conn: "s2", Session: "s-alice", At: 26, Count: 5}, {Conn: "s2", Session: "s-alice", At: 27, Count: 5}}, []string{"5 bytes reached a socket of alice"}},
		"on both":                     {out, []history.Bytes{{Conn: "s1", Session: "s-alice", At: 30, Count: 7}, {Conn: "s2", Session: "s-alice", At: 26, Count: 5}}, []string{"5 bytes", "7 bytes"}},
		"nobody looked":               {seenAs(out, func(v *history.Visit) { v.Settled = 0 }), []history.Bytes{{Conn: "s1", Session: "s-alice", At: 19, Count: 5}}, []string{"nobody looked"}},
		"there is nothing to look at": {seenAs(out, func(v *history.Visit) { v.Settled = 0 }), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.Visits, r.Bytes = []history.Visit{c.out}, c.bytes
			r.find("G8", c.finds...)
		})
	}
}

func seenAs(v history.Visit, how func(*history.Visit)) history.Visit {
	how(&v)
	return v
}

func TestACookieThatWasSignedOutNeverWorksAgain(t *testing.T) {
	out := history.Visit{What: history.SignOut, Session: "s-alice", Cookie: "k1", User: "alice", Status: 204, Begin: 10, End: 20, Settled: 25}
	use := history.Visit{What: history.Use, Session: "s-alice", Cookie: "k1", User: "alice", Status: 200, Begin: 30, End: 31}
	for name, c := range map[string]struct {
		visits []history.Visit
		finds  []string
	}{
		"not let in":         {[]history.Visit{out, seenAs(use, func(v *history.Visit) { v.Status = 401 })}, nil},
		"no answer":          {[]history.Visit{out, seenAs(use, func(v *history.Visit) { v.Status = 0 })}, nil},
		"under way":          {[]history.Visit{seenAs(use, func(v *history.Visit) { v.Begin = 19 }), out}, nil},
		"another cookie":     {[]history.Visit{out, seenAs(use, func(v *history.Visit) { v.Cookie = "k2" })}, nil},
		"it was refused":     {[]history.Visit{seenAs(out, func(v *history.Visit) { v.Status = 503 }), use}, nil},
		"let in":             {[]history.Visit{out, use}, []string{"k1 of alice is answered 200"}},
		"a socket is opened": {[]history.Visit{out, seenAs(use, func(v *history.Visit) { v.Status = 101 })}, []string{"k1 of alice is answered 101"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.Visits = c.visits
			r.find("G9", c.finds...)
		})
	}
}
