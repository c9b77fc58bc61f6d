package channels_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/baton-hub/baton/channels"
)

// The fuzz targets of what comes from outside: from clients, from the log, from the place of the snapshots. Their
// corpora are in testdata/fuzz; `make fuzz` looks for more.

func FuzzNames(f *testing.F) {
	for _, s := range []string{
		"queue", "a", "a.b-c_d", "-a", "a.", "~site", "", "A", "é", "k\x00", "k 1", "\u202e", strings.Repeat("a", channels.MaxName+1),
		"ann-tab.1", "ann-tab.0", "ann-tab.01", "ann.1", "abcd.9999999999999999", "abcd.10000000000000000", "abcd.+1", "abcd.1_0", "abcd.1.2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkRefusal(t, channels.CheckName(s))
		if channels.CheckName(s) == nil {
			if err := channels.CheckKey(s); err != nil {
				t.Errorf("%q is a name and not a key: %v", s, err)
			}
			if channels.Reserved(s) || len(s) > channels.MaxName {
				t.Errorf("%q is a name", s)
			}
		}
		checkRefusal(t, channels.CheckKey(s))
		if channels.CheckKey(s) == nil && (s == "" || len(s) > channels.MaxName || !utf8.ValidString(s)) {
			t.Errorf("%q is a key", s)
		}
		op, err := channels.ParseOp(s)
		checkRefusal(t, err)
		if err == nil && (op.String() != s || op.N == 0 || op.Client == "") {
			t.Errorf("%q is read as %+v, which is written %q", s, op, op)
		}
	})
}

// checkRefusal wants no error, or one that tells the client what to do and does not throw all of its text back at it.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var r *channels.Refusal
	if !errors.As(err, &r) || r.Code != channels.CodeInvalid || len(err.Error()) > 1_000 {
		t.Errorf("refused with %#v", err)
	}
}

func FuzzCursors(f *testing.F) {
	for _, s := range []string{"", "e-1", "e-1-2", "e-1-0", "e-0", "-1", "e-", "e--1", "e-01", "e-1-", "ABC123-zz-10", "e-1Z", "e-3w5e11264sgsf", "e-3w5e11264sgsg"} {
		f.Add(s, "ABCDE", uint64(7), uint64(0))
	}
	f.Add("", "e", ^uint64(0), ^uint64(0))
	f.Fuzz(func(t *testing.T, s, epoch string, position, base uint64) {
		if c, err := channels.ParseCursor(s); err == nil && c.String() != s {
			t.Errorf("%q is read as %+v, which is written %q", s, c, c)
		}
		if epoch == "" || len(epoch) > 20 || strings.Contains(epoch, "-") {
			return // no epoch is like that
		}
		c := channels.Cursor{Epoch: epoch, Position: position, Base: base}
		if again, err := channels.ParseCursor(c.String()); err != nil || again != c {
			t.Errorf("%+v is written %q, which is read as %+v (%v)", c, c, again, err)
		}
	})
}
