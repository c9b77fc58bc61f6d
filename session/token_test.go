package session_test

import (
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

func TestTokensAreReadFromTheRight(t *testing.T) {
	for _, space := range []string{"lab", "a", "my_lab", "x_1_y", "id23-1", "esrf.id23_2", "baton_lab"} {
		token := session.Token{Space: space, ID: "t7", Secret: "HUSH"}
		if got, err := session.ParseToken(token.String()); err != nil || got != token {
			t.Errorf("%s: read as %+v, %v", token, got, err)
		}
	}
	for _, s := range []string{
		"", "baton_", "baton_lab", "baton_lab_", "baton_lab_t7", "baton_lab_t7_", "baton_lab__HUSH", "baton__t7_HUSH", "baton___",
		"Baton_lab_t7_HUSH", "lab_t7_HUSH", " baton_lab_t7_HUSH",
	} {
		if got, err := session.ParseToken(s); err == nil {
			t.Errorf("%q: read as %+v", s, got)
		}
	}
}

func TestATokenIsWorthWhatTheLogSaysOfIt(t *testing.T) {
	h := openHall(t, session.Observe)
	token := session.Token{Space: "hall", ID: "t1", Secret: "HUSH"}
	h.must(h.House(t.Context(), session.Mint(token, "beamline", []string{"service"})))
	h.enter("alice", "a1")
	check := func(token session.Token) (err error) {
		h.Read(func(s *channels.State) { err = token.Check(s) })
		return err
	}
	if err := check(token); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]session.Token{
		"another secret":            {Space: "hall", ID: "t1", Secret: "HUSh"},
		"no secret":                 {Space: "hall", ID: "t1"},
		"the hash":                  {Space: "hall", ID: "t1", Secret: "5c1f2b0b"},
		"another id":                {Space: "hall", ID: "t2", Secret: "HUSH"},
		"the id of a login session": {Space: "hall", ID: "a1", Secret: "hash of a1"},
	} {
		if err := check(wrong); !channels.IsCode(err, channels.CodeSignedOut) {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := session.Token{Space: "hall", ID: "t1", Secret: "NEW"}
	h.must(h.House(t.Context(), session.Mint(again, "beamline", []string{"service"})))
	if check(again) != nil || check(token) == nil {
		t.Error("minting the same id again has not replaced the secret")
	}
}

func TestAServiceThatSignsInDoesNotTakeTheSeat(t *testing.T) {
	h := openHall(t, session.Reject)
	robot := entering("robot", "r1")
	robot.Record.Roles = []string{"service"}
	h.must(h.House(t.Context(), robot.Decide))
	h.enter("alice", "a1")
	h.refused(channels.CodeSeatTaken, func() channels.Outcome { return h.House(t.Context(), entering("bob", "b1").Decide) })
}
