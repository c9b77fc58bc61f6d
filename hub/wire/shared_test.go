package wire

import (
	"encoding/json"
	"testing"
)

func TestWhatIsSharedReadsLikeWhatIsNot(t *testing.T) {
	members := []Member{{User: "a", Name: `"presence":[]`, Roles: []string{"user"}, Connections: 2, Sessions: []string{"s1"}}, {User: "b"}}
	channels := map[string]ChannelRules{"notes": {Kind: "store", Write: []string{"member"}, Default: map[string]json.RawMessage{"k": json.RawMessage(`{"commands":{}}`)}}}
	commands := map[string]CommandRules{"move": {Call: []string{"operator"}, Args: json.RawMessage(`{"channels":{},"commands":{}}`)}}
	confusing := CallState{Call: "c1", Args: json.RawMessage(`{"presence":[],"channels":{},"commands":{},"grace_ms":0}`)}
	for name, w := range map[string]Welcome{
		"plain":     {Conn: "c", Title: "Lab", Version: "1", Node: "one"},
		"confusing": {Conn: `"presence":[]`, Title: `"presence":[],"calls"`, Calls: []CallState{confusing, confusing}, Node: `"channels":{},"commands":{}`},
	} {
		for _, full := range []bool{false, true} {
			whole := w
			if full {
				whole.Presence, whole.Channels, whole.Commands = members, channels, commands
			}
			want := string(AppendFrame([]byte("x"), &whole))
			got := string(AppendWelcome([]byte("x"), &w, ShareMembers(whole.Presence), ShareRules(whole.Channels, whole.Commands)))
			if got != want {
				t.Errorf("%s: the welcome is\n%s, want\n%s", name, got, want)
			}
		}
	}
	for _, m := range [][]Member{nil, members} {
		if want, got := string(AppendFrame(nil, &Presence{Members: m})), string(AppendPresence(nil, ShareMembers(m))); got != want {
			t.Errorf("the presence is %s, want %s", got, want)
		}
	}
	for _, j := range []Joined{{}, {ID: 7, Channel: "notes", Cursor: "e-1", Mode: Snapshot, Values: map[string]Value{"k": {Value: json.RawMessage(`1`)}}}} {
		if want, got := string(AppendFrame(nil, &j)), string(append(AppendJoinedStart(nil, j.ID), ShareJoined(&j)...)); got != want {
			t.Errorf("the joined is %s, want %s", got, want)
		}
	}
}
