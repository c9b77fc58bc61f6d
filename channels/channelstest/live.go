package channelstest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
)

// TestLive is the contract of channels.Live. It calls newLive for each of its parts; each call of open opens the same
// live values as another node would. One part waits for a lifetime to end and takes some seconds.
func TestLive(t *testing.T, newLive func(t *testing.T) (open func(t *testing.T) channels.Live)) {
	for _, part := range []struct {
		name string
		test func(*testing.T, func(*testing.T) channels.Live)
	}{
		{"a follower gets the present values and then each change in order", testLiveOrder},
		{"the newest value wins", testLiveNewest},
		{"any key can be used", testLiveKeys},
		{"an empty value says that it is gone", testLiveGone},
		{"a value that is not renewed is forgotten", testLiveLifetime},
		{"a follower is told when it begins and when it has what is there", testLiveCurrent},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, newLive(t)) })
	}
}

func testLiveOrder(t *testing.T, open func(*testing.T) channels.Live) {
	live, other := open(t), open(t)
	a, b := channels.LiveKey{Space: "s", Channel: "motors", Key: "a"}, channels.LiveKey{Space: "t", Channel: "x", Key: "b"}
	publish(t, live, a, "1", 0)
	publish(t, live, b, "1", 0)
	values := followLive(t, other)
	got := map[channels.LiveKey]string{}
	for len(got) < 2 {
		v := soon(t, values, "the present values")
		got[v.LiveKey] = string(v.Data)
	}
	if got[a] != "1" || got[b] != "1" {
		t.Fatalf("the present values are %v", got)
	}
	for i := range 50 {
		publish(t, live, a, fmt.Sprint(i+2), 0)
		if v := soon(t, values, "a change"); v.By != livePublisher || v.At.IsZero() {
			t.Fatalf("it was published by %q at %v", v.By, v.At)
		} else if v.LiveKey != a || string(v.Data) != fmt.Sprint(i+2) {
			t.Fatalf("got %v %q, want %d", v.LiveKey, v.Data, i+2)
		}
	}
	none(t, values, "more than was published")
}

func testLiveNewest(t *testing.T, open func(*testing.T) channels.Live) {
	live := open(t)
	key := channels.LiveKey{Space: "s", Channel: "motors", Key: "a"}
	for i := range 100 {
		publish(t, live, key, fmt.Sprint(i), 0)
	}
	for v := range forValues(t, followLive(t, live)) {
		if string(v.Data) == "99" {
			break // older ones may come before it, nothing may after it
		}
	}
	values := followLive(t, open(t))
	if v := soon(t, values, "the value"); string(v.Data) != "99" {
		t.Fatalf("a new follower got %q, want the newest value only", v.Data)
	}
	none(t, values, "an older value came after the newest")
}

func testLiveKeys(t *testing.T, open func(*testing.T) channels.Live) {
	live := open(t)
	values := followLive(t, live)
	for _, k := range []string{"a", "a.b", "*", ">", "a b", "$JS", "%", "%2E", "é ü", "x/y", `back\slash`, "日本"} {
		key := channels.LiveKey{Space: "a.b-c_d", Channel: "~presence", Key: k}
		publish(t, live, key, "value", 0)
		if v := soon(t, values, "the value of "+k); v.LiveKey != key || string(v.Data) != "value" {
			t.Fatalf("the key %q came as %+v", k, v)
		}
	}
}

func testLiveGone(t *testing.T, open func(*testing.T) channels.Live) {
	live := open(t)
	key := channels.LiveKey{Space: "s", Channel: "motors", Key: "a"}
	values := followLive(t, live)
	publish(t, live, key, "here", 0)
	if v := soon(t, values, "the value"); string(v.Data) != "here" {
		t.Fatalf("got %q", v.Data)
	}
	publish(t, live, key, "", 0)
	if v := soon(t, values, "the end of the value"); v.LiveKey != key || len(v.Data) != 0 {
		t.Fatalf("got %v %q, want empty data", v.LiveKey, v.Data)
	}
}

func testLiveLifetime(t *testing.T, open func(*testing.T) channels.Live) {
	live := open(t)
	short, long := channels.LiveKey{Space: "s", Channel: "c", Key: "short"}, channels.LiveKey{Space: "s", Channel: "c", Key: "long"}
	publish(t, live, short, "x", time.Second)
	publish(t, live, long, "x", time.Minute)
	deadline := time.Now().Add(patience)
	for {
		present := presentLive(t, live, long)
		switch {
		case !present[short]:
			return
		case time.Now().After(deadline):
			t.Fatalf("a value with a lifetime of a second is there after %v", patience)
		}
		<-time.After(100 * time.Millisecond)
	}
}

func testLiveCurrent(t *testing.T, open func(*testing.T) channels.Live) {
	live := open(t)
	for present := range 3 {
		said := make(chan string, 16)
		background(t, "Follow", func(ctx context.Context) error {
			return live.Follow(ctx, channels.LiveFollower{
				Begin:   func() { said <- "begin" },
				Deliver: func(v channels.LiveValue) { said <- v.Key },
				Current: func() { said <- "current" },
			})
		})
		var got, want []string
		for range present + 2 {
			got = append(got, soon(t, said, "what there is"))
		}
		want = append(want, "begin")
		for n := range present {
			want = append(want, fmt.Sprint("key-", n))
		}
		if want = append(want, "current"); !slices.Equal(got, want) {
			t.Fatalf("it is told %v, want %v", got, want)
		}
		publish(t, live, channels.LiveKey{Space: "s", Channel: "c", Key: fmt.Sprint("key-", present)}, "x", 0)
		if next := soon(t, said, "a change"); next != fmt.Sprint("key-", present) {
			t.Fatalf("then it is told %s", next)
		}
		none(t, said, "more than was published")
	}
}

// presentLive follows until a value is there that is known to be, and some more, and returns all keys that came.
func presentLive(t testing.TB, live channels.Live, known channels.LiveKey) map[channels.LiveKey]bool {
	t.Helper()
	present := map[channels.LiveKey]bool{}
	values := followLive(t, live)
	for !present[known] {
		present[soon(t, values, "a present value").LiveKey] = true
	}
	for {
		select {
		case v := <-values:
			present[v.LiveKey] = true
		case <-time.After(50 * time.Millisecond):
			return present
		}
	}
}

func publish(t testing.TB, live channels.Live, key channels.LiveKey, data string, lifetime time.Duration) {
	t.Helper()
	if err := live.Publish(t.Context(), channels.LiveValue{LiveKey: key, Data: []byte(data), By: livePublisher}, lifetime); err != nil {
		t.Fatalf("publishing %v: %v", key, err)
	}
}

// livePublisher publishes all values; names can have anything in them.
const livePublisher = "service/søren & co\r\nX: y"

func followLive(t testing.TB, live channels.Live) <-chan channels.LiveValue {
	t.Helper()
	c := make(chan channels.LiveValue, 16)
	background(t, "Follow", func(ctx context.Context) error {
		return live.Follow(ctx, channels.LiveFollower{Deliver: func(v channels.LiveValue) {
			select {
			case c <- v:
			case <-ctx.Done():
			}
		}})
	})
	return c
}

// forValues ranges over values that must come.
func forValues(t testing.TB, values <-chan channels.LiveValue) func(yield func(channels.LiveValue) bool) {
	return func(yield func(channels.LiveValue) bool) {
		for yield(soon(t, values, "a value")) {
		}
	}
}
