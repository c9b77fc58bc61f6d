package hub

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// TestWhatWasReadUnderOlderRulesDoesNotGoOut has a client that takes nothing join, read and ask for more before the rules
// change.
func TestWhatWasReadUnderOlderRulesDoesNotGoOut(t *testing.T) {
	r := openRoom(t)
	c := &conn{
		room: r, who: channels.Who{ID: "x", User: "x"}, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1),
		ctx: t.Context(), limiter: r.hub.options.Limits.limiter(channels.Who{}),
	}
	r.put(t, "k", `"secret"`)
	r.replica().Read(func(s *channels.State) {
		r.mu.Lock()
		defer r.mu.Unlock()
		c.cursor = s.Position()
		r.conns[c] = struct{}{}
	})
	c.join([]*wire.Join{{Head: wire.Head{ID: 1}, Channel: "a"}})
	c.readValues(&wire.Read{Head: wire.Head{ID: 2}, Channel: "a"})
	c.pong(&wire.Ping{Head: wire.Head{ID: 3}})
	r.put(t, "k", `"secret too"`)
	if err := r.replica().PutInForce(t.Context(), &channels.Rules{Version: 2, Channels: map[string]channels.ChannelRules{
		"a": {Kind: channels.KindStore, Read: []channels.Right{"staff"}, Write: []channels.Right{"staff"}},
	}}); err != nil {
		t.Fatal(err)
	}
	message, _ := c.gathered()
	if strings.Contains(string(message), "secret") {
		t.Fatalf("it was sent %s", message)
	}
	var frames []struct {
		Type, Code string
		ID         uint64
	}
	if err := json.Unmarshal(message, &frames); err != nil {
		t.Fatal(err)
	}
	if len(frames) != 4 || frames[0].Type != "welcome" || frames[1].Code != "unavailable" || frames[1].ID != 1 ||
		frames[2].Code != "unavailable" || frames[2].ID != 2 || frames[3].Type != "pong" {
		t.Errorf("it was sent %s", message)
	}
	if c.waiting != 0 {
		t.Errorf("%d bytes are said to wait", c.waiting)
	}
	if message, _ := c.gathered(); len(message) > 0 {
		t.Errorf("then it was sent %s", message)
	}
}

// TestWhatIsJoinedBetweenNewRulesAndTheirWelcomeStaysJoined has a client join before it is welcomed again.
func TestWhatIsJoinedBetweenNewRulesAndTheirWelcomeStaysJoined(t *testing.T) {
	r := openRoom(t)
	c := &conn{
		room: r, who: channels.Who{ID: "x", User: "x"}, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1),
		ctx: t.Context(), limiter: r.hub.options.Limits.limiter(channels.Who{}),
	}
	r.replica().Read(func(s *channels.State) {
		r.mu.Lock()
		defer r.mu.Unlock()
		c.cursor = s.Position()
		r.conns[c] = struct{}{}
		c.renewLocked(s, "", time.Hour)
	})
	if message, _ := c.gathered(); len(message) > 0 {
		t.Errorf("though there is time and nobody waits, it was sent %s", message)
	}
	c.join([]*wire.Join{{Head: wire.Head{ID: 1}, Channel: "a"}})
	r.put(t, "k", `"later"`)
	message, _ := c.gathered()
	var types []string
	var frames []struct{ Type string }
	if err := json.Unmarshal(message, &frames); err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		types = append(types, f.Type)
	}
	if got := strings.Join(types, " "); got != "welcome joined change" {
		t.Errorf("it was sent %s: %s", got, message)
	}
}
