package hub

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

// ChannelPath is the part of the path that all operations of a channel share.
type ChannelPath struct {
	SpacePath
	Channel string `path:"channel" doc:"The name of the channel." maxLength:"128"`
}

type readInput struct {
	ChannelPath
	Since string `query:"since" doc:"A cursor: what changed after it. Without one, all there is."`
	Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"1000" doc:"About how many values and deletions, or messages. The changes of one position are never torn apart."`
	Wait  string `query:"wait" doc:"How long to wait for a change if there is none after since, 30s, 1500ms, or seconds; more than 30s counts as 30s." example:"30s"`
	Owner string `query:"owner" doc:"Of a store with a scope: whose values, for those who may read everybody's. Default: one's own."`
	All   bool   `query:"all" doc:"Of a store with a scope: everybody's values, for those who may read them, in pages of whole owners."`
	After string `query:"after" doc:"With all: only of the owners after this one, in the order of their names: the after of the page before." maxLength:"128"`
}

type readOutput struct {
	RetryAfter int `header:"Retry-After" doc:"next_ms in whole seconds."`
	Body       readAnswer
}

// readAnswer is a page of what a channel has. It is applied as a whole: first removed, then values; messages are added at
// the end.
type readAnswer struct {
	Channel    string                           `json:"channel"`
	Owner      string                           `json:"owner,omitempty" doc:"Whose values, if not one's own."`
	Cursor     string                           `json:"cursor" doc:"Ask for what comes after this with since."`
	Mode       string                           `json:"mode" enum:"snapshot,delta" doc:"snapshot: forget what you have. delta: change what you have."`
	Reason     string                           `json:"reason,omitempty" enum:"new,epoch,trimmed,ahead" doc:"Why a snapshot: there was no cursor; the log was replaced, or a live store was followed on another node or before this one started; the cursor is too old; it is of no log that this hub knows."`
	MustReset  bool                             `json:"must_reset,omitempty" doc:"The cursor could not be followed: what you have may hold what is long gone."`
	Incomplete bool                             `json:"incomplete" doc:"There is more: ask again at once, with the cursor, or with after if all was asked for."`
	Values     map[string]wire.Value            `json:"values,omitempty" doc:"Of a store: what was set."`
	Removed    wire.List[string]                `json:"removed,omitempty" doc:"Of a store: the keys that are gone."`
	Messages   wire.List[wire.LogMessage]       `json:"messages,omitempty" doc:"Of a log, oldest first."`
	Gap        bool                             `json:"gap,omitempty" doc:"Of a log: messages before these are missing, for good."`
	Defaults   map[string]json.RawMessage       `json:"defaults,omitempty" doc:"What keys are that have no value."`
	Owners     map[string]map[string]wire.Value `json:"owners,omitempty" doc:"With all: the values of each owner."`
	After      string                           `json:"after,omitempty" doc:"With all, if there are more owners: ask again with this, at once."`
	NextMS     int64                            `json:"next_ms" doc:"When to ask again, at the earliest."`
	Stale      time.Time                        `json:"stale,omitzero" doc:"Since when this node has not heard from the log: what it tells may be old."`
}

// When a client that polls should come back: what it gets costs no more the longer it waits.
const (
	pollEvery     = time.Second
	pollLiveEvery = 200 * time.Millisecond
)

func readOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "read-channel", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/channels/{channel}", Tags: []string{"channels"},
		Summary: "Read what a channel has, or what changed",
		Description: "A client that keeps the cursor of each answer and asks again with it is in step, as one with a WebSocket is: " +
			"it gets the newest value of each key that changed, the keys that are gone, and every message of a log once.",
	}, readChannel)
}

func readChannel(v *visit, in *readInput) (*readOutput, error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	switch {
	case in.All:
		return readAll(v, in)
	case in.After != "":
		return nil, invalid("after goes with all: to go on reading what is one owner's, give since")
	}
	cursor, err := v.reach(in.Since)
	if err != nil {
		return nil, err
	}
	var answer *readAnswer
	f, err := v.feed(in.Channel, in.Owner)
	if err != nil {
		return nil, err
	}
	err = v.poll(f, wait, func(state *channels.State) (news bool, err error) {
		answer, err = v.page(state, in, cursor)
		return err == nil && answer.news(), err
	})
	if err != nil {
		return nil, err
	}
	if err := v.large(answer.size()); err != nil {
		return nil, err
	}
	answer.Stale = v.room.replica().Stale()
	switch {
	case answer.Incomplete || wait > 0 && !answer.MustReset:
	case isLive(answer.Cursor):
		answer.NextMS = pollLiveEvery.Milliseconds()
	default:
		answer.NextMS = pollEvery.Milliseconds()
	}
	return &readOutput{int(math.Ceil(float64(answer.NextMS) / 1000)), *answer}, nil
}

// parseWait reads how long a request may wait.
func parseWait(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	wait, err := time.ParseDuration(s)
	switch seconds, notSeconds := strconv.ParseUint(s, 10, 64); {
	case notSeconds == nil:
		wait, err = time.Duration(min(seconds, 60))*time.Second, nil
	case errors.Is(notSeconds, strconv.ErrRange):
		wait, err = maxWait, nil
	}
	if err != nil || wait < 0 {
		return 0, invalid("wait is a duration, such as 30s or 1500ms, or seconds; more than 30s counts as 30s")
	}
	return min(wait, maxWait), nil
}

// maxWait is how long a request waits at most, less than proxies have patience for.
const maxWait = 30 * time.Second

// reach reads a cursor, and lets the request wait until this node has caught up with it, if it can be.
func (v *visit) reach(since string) (channels.Cursor, error) {
	if isLive(since) {
		return channels.Cursor{}, nil
	}
	cursor, err := channels.ParseCursor(since)
	if err != nil {
		return cursor, invalid("%v", err)
	}
	if space := v.room.replica(); cursor.Epoch == space.Epoch() {
		_ = space.WaitFor(v.r.Context(), cursor.Position) // one that is ahead after all is answered as such
	}
	return cursor, nil
}

// feed finds what has to be watched to read a channel.
func (v *visit) feed(channel, owner string) (f feed, err error) {
	v.room.replica().Read(func(state *channels.State) { _, f, err = readable(state, v.who, channel, owner) })
	return f, err
}

// poll looks at the state, again whenever a feed has changed, until there is news or the time is up.
func (v *visit) poll(f feed, wait time.Duration, look func(*channels.State) (news bool, err error)) error {
	r := v.room
	waiting := &conn{wake: make(chan struct{}, 1)} // reads nothing, and is not in the room
	if wait > 0 {
		r.mu.Lock()
		r.followLocked(waiting, f, 0)
		r.followLocked(waiting, sessionFeed(v.who.ID), 0)
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.quitLocked(waiting, anyFeed)
		}()
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), wait)
	defer cancel()
	ticker := time.NewTicker(pollTick)
	defer ticker.Stop()
	for {
		news, err := v.look(look)
		if news || err != nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-waiting.wake:
		case <-ticker.C:
		case <-ctx.Done():
		case <-v.hub.staying.Done(): // with what there is, so that the client goes on elsewhere
			return nil
		}
	}
}

// pollTick is how often a request that waits looks even if it hears of no change: whether its client is still signed in,
// and whether the state was read anew.
const pollTick = 2 * time.Second

// look reads the state for a client that is still signed in, with the rights that it has now.
func (v *visit) look(look func(*channels.State) (bool, error)) (news bool, err error) {
	v.room.replica().Read(func(state *channels.State) {
		switch {
		case v.room.mute():
			err = errMute(v.room)
			return
		case v.proof(state) != nil:
			err = errSignedOut
			return
		}
		if v.who, err = v.hub.options.Authority.Identify(state, v.who.ID); err == nil {
			news, err = look(state)
		}
	})
	return news, err
}

// page is the answer as of now.
func (v *visit) page(state *channels.State, in *readInput, cursor channels.Cursor) (*readAnswer, error) {
	rules, f, err := readable(state, v.who, in.Channel, in.Owner)
	if err != nil {
		return nil, err
	}
	answer := &readAnswer{Channel: in.Channel, Mode: wire.Delta}
	if f.foreign {
		answer.Owner = f.owner
	}
	switch {
	case rules.Kind == channels.KindSignal:
		return nil, invalid("%s is a signal, it keeps nothing that could be read: follow it with a WebSocket or an event stream", in.Channel)
	case rules.Live:
		answer.Defaults = rules.Default
		v.livePage(answer, f, in.Since)
		return answer, nil
	case rules.Kind == channels.KindStore:
		answer.Defaults = rules.Default
	}
	switch {
	case cursor == (channels.Cursor{}):
		answer.Reason = wire.ReasonNew
	case cursor.Epoch != state.Epoch():
		answer.Reason = wire.ReasonEpoch
	case max(cursor.Position, cursor.Base) > state.Position():
		answer.Reason = wire.ReasonAhead
	}
	switch {
	case answer.Reason != "":
		cursor = channels.Cursor{}
	case cursor.Base == 0 && state.Touched(in.Channel, f.owner) <= cursor.Position: // without a look at every key
		answer.Cursor = state.Cursor().String()
		return answer, nil
	}
	page, ok := boundedPage(state, in, f, cursor)
	if !ok {
		answer.Reason = wire.ReasonTrimmed
		page, _ = boundedPage(state, in, f, channels.Cursor{})
	}
	if answer.Reason != "" {
		answer.Mode, answer.MustReset = wire.Snapshot, answer.Reason != wire.ReasonNew
	}
	answer.Cursor, answer.Incomplete = page.Next.String(), page.More
	answer.Values, answer.Removed = valuesOf(page.Values), page.Removed
	answer.Messages, answer.Gap = logMessages(page.Messages), page.Gap
	return answer, nil
}

// maxPage is how many bytes of values and messages a page has, about.
const maxPage = 4 << 20

// boundedPage is a page of at most so many values or messages, or fewer if those would be too large.
func boundedPage(state *channels.State, in *readInput, f feed, from channels.Cursor) (page channels.Page, ok bool) {
	for limit := in.Limit; ; {
		page, ok = state.Page(in.Channel, f.owner, from, limit)
		size := 0
		for _, v := range page.Values {
			size += len(v.Data)
		}
		for _, m := range page.Messages {
			size += len(m.Data)
		}
		items := len(page.Values) + len(page.Messages)
		if size <= maxPage || limit == 1 || items <= 1 {
			return page, ok
		}
		limit = max(1, min(limit, items)*maxPage/size)
	}
}

func logMessages(messages []channels.Message) (list []wire.LogMessage) {
	for _, m := range messages {
		list = append(list, wire.LogMessage{Position: m.Position, At: m.At, By: m.By, Data: m.Data})
	}
	return list
}

// news reports whether an answer tells anything.
func (a *readAnswer) news() bool {
	return a.Mode == wire.Snapshot || a.Incomplete || a.Gap || len(a.Values)+len(a.Removed)+len(a.Messages) > 0
}

// size is about how many bytes an answer has.
func (a *readAnswer) size() (bytes int) {
	for _, m := range a.Messages {
		bytes += len(m.Data)
	}
	bytes += sizeOf(a.Values)
	for _, values := range a.Owners {
		bytes += sizeOf(values)
	}
	return bytes
}

func sizeOf(values map[string]wire.Value) (bytes int) {
	for key, value := range values {
		bytes += len(key) + len(value.Value) + valueOverhead
	}
	return bytes
}

// valueOverhead is what a value has beside its key and its JSON, in an answer.
const valueOverhead = 100

// readAll reads everybody's values.
func readAll(v *visit, in *readInput) (*readOutput, error) {
	if in.Since != "" || in.Wait != "" {
		return nil, invalid("everybody's values are read as they are now: leave since and wait out")
	}
	answer := readAnswer{Channel: in.Channel, Mode: wire.Snapshot, Reason: wire.ReasonNew, NextMS: pollEvery.Milliseconds()}
	_, err := v.look(func(state *channels.State) (_ bool, err error) {
		var values wire.Values
		asked := &wire.Read{Channel: in.Channel, Owner: in.Owner, All: true}
		answer.After, answer.Incomplete, err = allValues(state, v.who, asked, in.After, maxPage, &values)
		answer.Cursor, answer.Owners = state.Cursor().String(), values.Owners
		answer.Defaults = state.Rules().Channels[in.Channel].Default
		return true, err
	})
	if err == nil {
		err = v.large(answer.size())
	}
	if answer.Incomplete {
		answer.NextMS = 0
	} else {
		answer.After = ""
	}
	return &readOutput{int(answer.NextMS / 1000), answer}, err
}

// liveMark begins a cursor of a live store, which is in no log: it tells how far the client has read the board of one
// node, until that starts again.
const liveMark = "live."

func isLive(cursor string) bool { return strings.HasPrefix(cursor, liveMark) }

func (h *Hub) liveCursor(clock uint64) string {
	return liveMark + strconv.FormatInt(h.started.UnixNano(), 36) + "." + strconv.FormatUint(clock, 36)
}

// livePage is what a live store has, or what changed since a client looked on this very node.
func (v *visit) livePage(answer *readAnswer, f feed, since string) {
	if clock, ok := v.hub.liveClock(since); ok {
		changed, _, now := v.room.board.since(clock, func(p *posted) bool { return p.feed == f }, func(*posted) bool { return false })
		if !v.room.board.missed(f, clock) {
			answer.Cursor, answer.Values = v.hub.liveCursor(now), map[string]wire.Value{}
			for _, p := range changed {
				if len(p.data) == 0 {
					answer.Removed = append(answer.Removed, p.key)
				} else {
					answer.Values[p.key] = p.value()
				}
			}
			return
		}
	}
	values, clock := v.room.board.all(f)
	answer.Mode, answer.Reason = wire.Snapshot, wire.ReasonNew
	if since != "" {
		answer.Reason, answer.MustReset = wire.ReasonEpoch, true
	}
	answer.Cursor, answer.Values = v.hub.liveCursor(clock), values
}

// liveClock reads a cursor of this node's boards.
func (h *Hub) liveClock(cursor string) (clock uint64, ok bool) {
	node, text, found := strings.Cut(strings.TrimPrefix(cursor, liveMark), ".")
	clock, err := strconv.ParseUint(text, 36, 64)
	return clock, found && err == nil && liveMark+node+"."+text == cursor && h.liveCursor(clock) == cursor
}
