package session_test

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// busyWhile is a policy under which the instrument runs while a part of the key "k" of queue has a value.
func busyWhile(path string, is ...string) session.Policy {
	b := &session.Busy{Store: "queue", Key: "k", Path: path}
	for _, one := range is {
		b.Is = append(b.Is, json.RawMessage(one))
	}
	return session.Policy{SameUser: session.Join, Busy: b}
}

// runs puts a value where the policy looks, as a service does.
func (h *hall) runs(value string) {
	h.t.Helper()
	h.must(h.House(h.t.Context(), func(d *channels.Draft) (any, error) {
		if value == "" {
			d.Delete(channels.Ref{Channel: "queue", Key: "k"})
		} else {
			d.Set(channels.Ref{Channel: "queue", Key: "k"}, json.RawMessage(value))
		}
		return nil, nil
	}))
}

func out(id string) session.SignOut { return session.SignOut{Session: id, By: id} }

func TestTheInstrumentRunsWhileTheValueSaysSo(t *testing.T) {
	for _, c := range []struct {
		path  string
		is    []string
		value string
		runs  bool
	}{
		{"", []string{`"running"`}, `"running"`, true},
		{"", []string{`"running"`, "7"}, "7", true},
		{"", []string{`"running"`}, `"idle"`, false},
		{"", []string{`"running"`}, "", false},
		{"/state", []string{`"running"`}, `{"state":"running"}`, true},
		{"/state", []string{`"running"`}, `{"State":"running"}`, false},
		{"/state", []string{`"running"`}, `"running"`, false},
		{"/a/1/b~1c~0", []string{"true"}, `{"a":[0,{"b/c~":true}]}`, true},
		{"/a/2", []string{"null"}, `{"a":[1,2]}`, false},
		{"/a", []string{"null"}, `{"a":null}`, true},
		{"/a", []string{"null"}, `{}`, false},
		{"/a", []string{`{"x":1}`}, `{"a":{"x":1}}`, true},
		{"", []string{"1"}, "1.0", false}, // numbers are as they are written
	} {
		synctest.Test(t, func(t *testing.T) {
			h := openHallUnder(t, busyWhile(c.path, c.is...))
			h.enter("alice", "sa")
			if c.value != "" {
				h.runs(c.value)
			}
			if err := h.House(t.Context(), out("sa").Decide).Err; channels.IsCode(err, channels.CodeBusy) != c.runs {
				t.Errorf("%s is %v: with %s signing out gives %v", c.path, c.is, c.value, err)
			}
		})
	}
}

func TestLogoutIsRefusedWhileTheQueueRunsToTheOperatorAndToTheLastPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHallUnder(t, busyWhile("", `"running"`))
		for user, id := range map[string]string{"alice": "sa", "bob": "sb", "carol": "sc"} {
			h.enter(user, id)
		}
		h.does("sa", session.Move{Do: "request"})
		h.runs(`"running"`)
		leave := func(id string) channels.Outcome { return h.House(t.Context(), out(id).Decide) }
		r := h.refused(channels.CodeBusy, func() channels.Outcome { return leave("sa") })
		if r.More["may_force"] != false || r.More["busy"].(map[string]string)["key"] != "k" {
			t.Errorf("told %+v", r.More)
		}
		h.must(leave("sc")) // who only watches may go
		h.does("sa", session.Move{Do: "release"})
		h.must(leave("sa"))
		h.refused(channels.CodeBusy, func() channels.Outcome { return leave("sb") }) // nobody else would be here
		h.runs(`"idle"`)
		h.must(leave("sb"))
	})
}

func TestStaffForceALogoutWithAReasonAndFreshCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHallUnder(t, busyWhile("", `"running"`))
		h.enter("alice", "sa")
		h.enter("sam", "ss")
		h.does("ss", session.Move{Do: "request"})
		h.runs(`"running"`)
		try := func(o session.SignOut) channels.Outcome { return h.House(t.Context(), o.Decide) }
		forced := session.SignOut{Session: "ss", By: "ss", Force: true}
		if r := h.refused(channels.CodeBusy, func() channels.Outcome { return try(out("ss")) }); r.More["may_force"] != true {
			t.Errorf("told %+v", r.More)
		}
		h.refused(channels.CodeInvalid, func() channels.Outcome { return try(forced) })
		forced.Reason = "fire"
		position := h.confirmedAt("ss")
		h.must(h.House(t.Context(), session.Unconfirm("ss", position)))
		h.refused(channels.CodeConfirm, func() channels.Outcome { return try(forced) })
		h.must(h.House(t.Context(), session.Confirm("ss", "hash of ss", "new hash")))
		h.must(try(forced))
		last := h.journal()[len(h.journal())-1]
		if last["do"] != "ended" || last["forced"] != true || last["reason"] != "fire" || last["user"] != "sam" {
			t.Errorf("the journal ends with %v", last)
		}

		h.does("sa", session.Move{Do: "request"})
		mine := session.SignOut{Session: "sa", By: "sa", Force: true, Reason: "I want to"}
		h.refused(channels.CodeForbidden, func() channels.Outcome { return try(mine) })
	})
}

func (h *hall) confirmedAt(id string) (position uint64) {
	h.Read(func(s *channels.State) { position = session.Confirmations(s)[id] })
	return position
}

func TestLoginSessionsAreEndedByTheirPersonAndByAdministratorsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.enter("alice", "sa2")
		h.enter("bob", "sb")
		h.enter("sam", "ss")
		admin := entering("ada", "sx")
		admin.Record.Roles = []string{"user", "admin"}
		h.must(h.House(t.Context(), admin.Decide))
		try := func(of, by string) channels.Outcome {
			return h.House(t.Context(), session.SignOut{Session: of, By: by, Reason: "the lab closes"}.Decide)
		}
		h.refused(channels.CodeUnknownName, func() channels.Outcome { return try("sa", "sb") })
		h.refused(channels.CodeUnknownName, func() channels.Outcome { return try("sa", "ss") }) // staff are no administrators
		h.refused(channels.CodeUnknownName, func() channels.Outcome { return try("nobody", "sx") })
		h.must(try("sa2", "sa"))
		h.must(try("sb", "sx"))
		h.refused(channels.CodeSignedOut, func() channels.Outcome { return try("sa", "sb") })
		if !slices.Equal(h.present(), []string{"sa", "ss", "sx"}) {
			t.Errorf("signed in are %v", h.present())
		}
		h.Read(func(s *channels.State) {
			how, _ := session.HowEnded(s, "sb")
			if got := how.Sentence(); got != "ended by ada (10.0.0.7): the lab closes" {
				t.Errorf("bob reads %q", got)
			}
		})
		last := h.journal()[len(h.journal())-1]
		if last["do"] != "ended" || last["result"] != "ended" || last["user"] != "ada" || last["reason"] != "the lab closes" {
			t.Errorf("the journal ends with %v", last)
		}
	})
}

func TestTakingControlWhileItRunsIsRefusedWhereTheSiteIsSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := busyWhile("", `"running"`)
		policy.Take = session.RefusedWhileRunning
		h := openHallUnder(t, policy)
		h.enter("alice", "sa")
		h.enter("alice", "sa2")
		h.enter("sam", "ss")
		h.does("sa", session.Move{Do: "request"})
		h.runs(`"running"`)
		take := func(id string, m session.Move) func() channels.Outcome {
			m.Do = "take"
			return func() channels.Outcome { return h.try(id, m) }
		}
		if r := h.refused(channels.CodeBusy, take("sa2", session.Move{})); r.More["may_force"] != false {
			t.Errorf("told %+v", r.More)
		}
		h.refused(channels.CodeForbidden, take("sa2", session.Move{Force: true, Reason: "mine"}))
		if r := h.refused(channels.CodeBusy, take("ss", session.Move{Reason: "the crane"})); r.More["may_force"] != true {
			t.Errorf("told %+v", r.More)
		}
		h.must(take("ss", session.Move{Reason: "the crane", Force: true})())
		last := h.journal()[len(h.journal())-1]
		if !h.seat().HeldBy("ss") || last["forced"] != true || last["reason"] != "the crane" {
			t.Errorf("the journal ends with %v", last)
		}
		h.runs(`"idle"`)
		h.does("ss", session.Move{Do: "give", Session: "sa"})
		h.must(take("sa2", session.Move{})())
	})
}

func TestAForcedTakeNeedsFreshCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHall(t, session.Observe)
		h.enter("alice", "sa")
		h.enter("sam", "ss")
		h.does("sa", session.Move{Do: "request"})
		first := h.confirmedAt("ss")
		h.must(h.House(t.Context(), session.Unconfirm("ss", first)))
		take := session.Move{Do: "take", Reason: "the crane"}
		h.refused(channels.CodeConfirm, func() channels.Outcome { return h.try("ss", take) })
		if !h.seat().HeldBy("sa") {
			t.Error("what was refused has moved control")
		}
		h.must(h.House(t.Context(), session.Confirm("ss", "hash of ss", "new hash")))
		h.refused(channels.CodeConflict, func() channels.Outcome { // what a node that is behind proposes
			return h.House(t.Context(), session.Unconfirm("ss", first))
		})
		h.does("ss", take)
		h.Read(func(s *channels.State) {
			if one, _ := session.Find(s, "ss"); one.Hash != "new hash" {
				t.Errorf("the token on record is %q", one.Hash)
			}
		})
	})
}

func TestABearerOfStaffIsNoFreshCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openHallUnder(t, busyWhile("", `"running"`))
		h.enter("alice", "sa")
		h.does("sa", session.Move{Do: "request"})
		h.runs(`"running"`)
		token := session.NewToken("lab")
		bearer := session.IssueBearer{Token: token, Expires: time.Now().Add(12 * time.Hour), Person: session.Record{User: "ada", Roles: []string{"user", "admin"}}}
		h.must(h.House(t.Context(), bearer.Decide))
		time.Sleep(11 * time.Hour)
		forced := session.SignOut{Session: "sa", By: token.ID, Force: true, Reason: "because"}
		h.refused(channels.CodeForbidden, func() channels.Outcome { return h.House(t.Context(), forced.Decide) })
	})
}
