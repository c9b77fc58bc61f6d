package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/baton-hub/baton/channels"
)

// CheckPointer refuses what is not a JSON pointer (RFC 6901).
func CheckPointer(pointer string) error {
	if pointer != "" && !strings.HasPrefix(pointer, "/") {
		return errors.New("a path is a JSON pointer, such as /state: it begins with /")
	}
	return nil
}

// ruled is a view with the rules that hold in it: that of a decision, or what a node knows.
type ruled interface {
	channels.View
	Rules() *channels.Rules
}

// running reports whether the instrument runs; it does not if nothing tells.
func (p Policy) running(v ruled) bool {
	if p.Busy == nil {
		return false
	}
	if value, set := v.Get(channels.Ref{Channel: p.Busy.Store, Key: p.Busy.Key}); set {
		return p.Busy.holds(value.Data)
	}
	return p.Busy.holds(v.Rules().Channels[p.Busy.Store].Default[p.Busy.Key])
}

// holds reports whether the value is one of those that mean that the instrument runs.
func (b Busy) holds(value json.RawMessage) bool {
	var at any
	if decode(value, &at) != nil {
		return false // there is none
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(b.Path, "/"), "/") {
		if b.Path == "" {
			break
		}
		at = member(at, strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
	}
	for _, one := range b.Is {
		var want any
		if decode(one, &want) == nil && reflect.DeepEqual(at, want) {
			return true
		}
	}
	return false
}

// member returns a part of an object or array; missing if it has no such part, which equals no value of a rule.
func member(of any, name string) any {
	switch of := of.(type) {
	case map[string]any:
		if part, ok := of[name]; ok {
			return part
		}
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(of) {
			return of[i]
		}
	}
	return missing{}
}

type missing struct{}

// decode keeps numbers as they are written.
func decode(data json.RawMessage, into *any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}

// busy refuses what must not be done while the instrument runs.
// It names the value that says so and does not show it: who asks need not be one who may read it.
func (p Policy) busy(mayForce bool, doing string) error {
	advice := "wait until it has ended, or stop it"
	if mayForce {
		advice += "; as staff you may do it all the same, with a reason"
	}
	r := channels.Refuse(channels.CodeBusy, "the instrument is running, so %s: %s", doing, advice)
	r.More = map[string]any{
		"busy":      map[string]string{"channel": p.Busy.Store, "key": p.Busy.Key},
		"may_force": mayForce,
	}
	return r
}
