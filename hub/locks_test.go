package hub_test

import (
	"testing"

	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

func TestALockIsHeldByOneClientAndFencesWhatItWrites(t *testing.T) {
	p := newPair(t, session.Policy{})
	token := p.one.token(t, "beamline")
	first, second := hubtest.OpenToken(t, p.one.url, "service-1", token), hubtest.OpenToken(t, p.two.url, "service-2", token)
	lock, unlock := func() frame { return frame{"type": "lock", "name": "robot"} }, func() frame { return frame{"type": "unlock", "name": "robot"} }
	var held, again wire.Locked
	first.Do(lock(), "locked", &held)
	e := second.Refused(with(lock(), "seen", held.Cursor), "locked")
	if holder, _ := e.More["holder"].(map[string]any); holder["user"] != "service/beamline" || e.More["since"] == nil {
		t.Errorf("the refusal does not name the holder: %+v", e.More)
	}
	_, ann := p.one.open(t, "alice")
	ann.Refused(lock(), "forbidden")
	first.Do(lock(), "locked", &again)
	if held.Name != "robot" || held.Token == 0 || again.Token != held.Token {
		t.Errorf("locked as %+v, then %+v", held, again)
	}
	write := func(token uint64) frame {
		return with(write("notes", "robot", "moving"), "held", frame{"robot": token})
	}
	first.Do(write(held.Token), "written", nil)
	second.Refused(write(held.Token), "locked")
	second.Refused(frame{"type": "transact", "held": frame{"robot": held.Token}, "writes": []frame{{"channel": "notes", "set": frame{"k": 1}}}}, "locked")
	second.Refused(unlock(), "conflict")

	// The same program on another node: it has the lock still.
	_ = first.Socket.CloseNow()
	first = hubtest.OpenToken(t, p.two.url, "service-1", token)
	first.Do(with(write(held.Token), "op", "service-1.100"), "written", nil)
	first.Do(with(unlock(), "op", "service-1.101"), "written", nil)
	second.Do(lock(), "locked", &again)
	if again.Token <= held.Token {
		t.Errorf("the token went from %d to %d", held.Token, again.Token)
	}
	first.Refused(with(write(held.Token), "op", "service-1.102"), "locked")
	second.Do(write(again.Token), "written", nil)
}
