package client

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/hub/wire"
)

type table = map[string]json.RawMessage

// following has a client follow a store that has what joined says, and returns the changes that are watched.
func following(t *testing.T, s *script, joined *wire.Joined) (*Store, *peer, chan map[string]Value) {
	t.Helper()
	c, p := s.connect()
	store := c.Store("queue")
	joined.ID, joined.Channel, joined.Cursor = expect[*wire.Join](p).ID, "queue", "e1-5"
	p.send(joined)
	if err := store.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	changes := make(chan map[string]Value, 10)
	store.Watch(func(changed map[string]Value) { changes <- changed })
	return store, p, changes
}

func TestADefaultIsThereWhileTheKeyHasNoValue(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		store, p, changes := following(t, s, &wire.Joined{Mode: wire.Snapshot, Reason: wire.ReasonNew, Defaults: table{"beam": []byte(`50`)}})
		beam := Value{Data: []byte(`50`)}
		if v, ok := store.Get("beam"); !ok || !reflect.DeepEqual(v, beam) || !reflect.DeepEqual(store.Values(), map[string]Value{"beam": beam}) {
			t.Errorf("the default is %v, of %v", v, store.Values())
		}
		for _, step := range []struct {
			frame wire.Frame
			want  Value
		}{
			{&wire.Change{Channel: "queue", Position: 6, Set: table{"beam": []byte(`20`)}}, Value{Data: []byte(`20`), Position: 6}},
			{&wire.Change{Channel: "queue", Position: 7, Delete: []string{"beam"}}, beam},
			{&wire.Joined{Channel: "queue", Mode: wire.Delta, Defaults: table{"beam": []byte(`10`)}}, Value{Data: []byte(`10`)}},
			{&wire.Joined{Channel: "queue", Mode: wire.Delta}, Value{}},
		} {
			p.send(step.frame)
			if changed := <-changes; !reflect.DeepEqual(changed, map[string]Value{"beam": step.want}) {
				t.Errorf("watched %v, want %v", changed, step.want)
			}
			if v, _ := store.Get("beam"); !reflect.DeepEqual(v, step.want) {
				t.Errorf("it is %v, want %v", v, step.want)
			}
		}
	})
}

func TestAPatchIsAppliedToWhatIsThere(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		store, p, changes := following(t, s, &wire.Joined{Mode: wire.Snapshot, Values: map[string]wire.Value{
			"k": {Value: []byte(`{"a":{"x":0.10,"y":2},"b":1}`), Position: 3},
		}})
		p.send(&wire.Change{Channel: "queue", Position: 6, By: "bob", Patch: table{"k": []byte(`{"a":{"y":null},"b":[1]}`), "new": []byte(`{"c":1}`)}})
		want := map[string]Value{
			"k":   {Data: []byte(`{"a":{"x":0.10},"b":[1]}`), Position: 6, By: "bob"},
			"new": {Data: []byte(`{"c":1}`), Position: 6, By: "bob"},
		}
		if changed := <-changes; !reflect.DeepEqual(changed, want) || !reflect.DeepEqual(store.Values(), want) {
			t.Errorf("watched %v, has %v, want %v", changed, store.Values(), want)
		}
	})
}

func TestAStoreSaysWhyAllOfItWasSent(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		store, p, _ := following(t, s, &wire.Joined{Mode: wire.Snapshot, Reason: wire.ReasonNew})
		for _, step := range []struct{ mode, reason, want string }{
			{wire.Delta, "", "new"}, {wire.Snapshot, "trimmed", "trimmed"}, {wire.Snapshot, "epoch", "epoch"},
		} {
			p.send(&wire.Joined{Channel: "queue", Cursor: "e2-1", Mode: step.mode, Reason: step.reason})
			synctest.Wait()
			if store.Reason() != step.want {
				t.Errorf("after %s %s the reason is %q", step.mode, step.reason, store.Reason())
			}
		}
	})
}

// Somebody else's values and one's own are two stores.
func TestSomebodyElsesValuesAreKeptApart(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		own := c.Store("run")
		p.send(&wire.Joined{ID: expect[*wire.Join](p).ID, Channel: "run", Cursor: "e1-1", Mode: wire.Snapshot})
		bobs := c.StoreOf("run", "bob")
		join := expect[*wire.Join](p)
		if join.Owner != "bob" {
			t.Errorf("joined %+v", join)
		}
		p.send(
			&wire.Joined{ID: join.ID, Channel: "run", Owner: "bob", Cursor: "e1-1", Mode: wire.Snapshot, Values: map[string]wire.Value{"k": {Value: []byte(`1`)}}},
			&wire.Change{Channel: "run", Owner: "bob", Position: 2, Cursor: "e1-2", Set: table{"k": []byte(`2`)}},
			&wire.Change{Channel: "run", Position: 3, Cursor: "e1-3", Set: table{"k": []byte(`3`)}},
		)
		if err := bobs.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for name, store := range map[string]*Store{"2": bobs, "3": own} {
			if v, _ := store.Get("k"); string(v.Data) != name {
				t.Errorf("it is %s, want %s", v.Data, name)
			}
		}
		if c.StoreOf("run", "bob") != bobs || c.Store("run") != own {
			t.Error("a second call gave another store")
		}
		if err := c.Log("run", AllMessages).Ready(t.Context()); err == nil {
			t.Error("a store was followed as a log, too")
		}
	})
}

func TestWhatIsReadHasDefaultsAndTheKeysThatWereAskedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		var got map[string]Value
		read := later(func() (err error) { got, err = c.ReadOf(t.Context(), "run", "bob", "a", "b"); return err })
		f := expect[*wire.Read](p)
		if f.Channel != "run" || f.Owner != "bob" || !reflect.DeepEqual(f.Keys, []string{"a", "b"}) || f.All {
			t.Errorf("asked %+v", f)
		}
		p.send(&wire.Values{
			ID: f.ID, Cursor: "e1-4", Values: map[string]wire.Value{"a": {Value: []byte(`1`), Position: 4}},
			Defaults: table{"a": []byte(`0`), "b": []byte(`2`), "c": []byte(`3`)},
		})
		want := map[string]Value{"a": {Data: []byte(`1`), Position: 4}, "b": {Data: []byte(`2`)}}
		if err := <-read; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("read %v, %v; want %v", got, err, want)
		}
		var all map[string]map[string]Value
		read = later(func() (err error) { all, err = c.ReadAll(t.Context(), "run"); return err })
		f = expect[*wire.Read](p)
		p.send(&wire.Values{ID: f.ID, Owners: map[string]map[string]wire.Value{"bob": {"a": {Value: []byte(`1`)}}, "ann": {}}})
		if err := <-read; err != nil || !f.All || len(all) != 2 || string(all["bob"]["a"].Data) != "1" {
			t.Errorf("read %v, %v", all, err)
		}
	})
}

func TestLiveValuesAreDeletedAndStayDeletedAfterAReconnect(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		if err := c.Send("motors", map[string]any{"omega": 1, "kappa": 2}); err != nil {
			t.Fatal(err)
		}
		expect[*wire.Send](p)
		if err := c.Send("motors", nil, Delete("kappa")); err != nil {
			t.Fatal(err)
		}
		if f := expect[*wire.Send](p); f.Set != nil || !reflect.DeepEqual(f.Delete, []string{"kappa"}) {
			t.Errorf("sent %+v", f)
		}
		p.cut()
		f := expect[*wire.Send](s.accept())
		if !maps.EqualFunc(f.Set, table{"omega": []byte(`1`)}, func(a, b json.RawMessage) bool { return string(a) == string(b) }) ||
			!reflect.DeepEqual(f.Delete, []string{"kappa"}) {
			t.Errorf("sent again %+v", f)
		}
		if err := c.Send("motors", map[string]any{"omega": 1}, Term(3)); err == nil {
			t.Error("live values were sent on a condition")
		}
	})
}
