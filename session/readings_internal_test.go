package session

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/baton-hub/baton/channels"
)

// oneRecord is a view in which one login session or token has a record.
type oneRecord struct {
	channels.View
	ref  channels.Ref
	data string
}

func (v oneRecord) Get(ref channels.Ref) (channels.Value, bool) {
	return channels.Value{Data: json.RawMessage(v.data)}, ref == v.ref
}

func TestWhoAsksIsWhatTheRecordSaysNow(t *testing.T) {
	identify := func(ref channels.Ref, data string) channels.Who {
		who, err := Authority{}.Identify(oneRecord{ref: ref, data: data}, ref.Key)
		if err != nil {
			return channels.Who{}
		}
		return who
	}
	for range 3 {
		for i := range maxReadings + 10 { // more than are remembered
			record := fmt.Sprintf(`{"user":"user-%d","roles":["staff"]}`, i)
			if who := identify(sessionRef("s"), record); who.ID != "s" || who.User != fmt.Sprint("user-", i) || !who.Has("staff") {
				t.Fatalf("%s is read as %+v", record, who)
			}
		}
		for _, id := range []string{"one", "two"} { // with the same text
			if who := identify(tokenRef(id), `{"name":"n","roles":["service"]}`); who.ID != id || who.User != ServicePrefix+"n" {
				t.Errorf("the token %s is read as %+v", id, who)
			}
		}
		if who := identify(tokenRef("one"), `{"name":"n","roles":["service"],"ended":true}`); who.ID != "" {
			t.Errorf("a token that has ended is %+v", who)
		}
		if who := identify(sessionRef("s/fact"), `{"user":"ann"}`); who.ID != "" {
			t.Errorf("a fact about a login session is %+v", who)
		}
		who := identify(sessionRef("s"), `{"user":"ann","roles":["user"]}`)
		_ = append(who.Roles, "admin")
		if again := identify(sessionRef("s"), `{"user":"ann","roles":["user"]}`); len(again.Roles) != 1 || again.Roles[0] != "user" || again.Has("admin") {
			t.Errorf("what was made of the roles of one is in those of the next: %v", again.Roles)
		}
	}
}
