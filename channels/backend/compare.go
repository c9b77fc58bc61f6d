package backend

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/baton-hub/baton/channels"
)

// A comparison is what is to be done about the difference between the log and what is in the backend.
type comparison struct {
	cursor string            // of what is there
	wanted Contents          // what the log has
	edits  map[string]edit   // to be written
	late   map[string]string // edits that came too late, by their sums
	save   bool              // what is there has to be replaced
}

// An edit is what somebody has made of a key.
type edit struct {
	value    json.RawMessage // nil: deleted
	sum      string
	position uint64 // where the log last changed it; 0 = it has none
}

// compare finds the edits; see the package comment for which they are. Contents that are invalid hold none.
func (r *Runner) compare(s *channels.State, there Contents, invalid bool) comparison {
	logged := s.All(r.Channel, "").Values
	c := comparison{cursor: there.Cursor, edits: map[string]edit{}, late: map[string]string{}, wanted: Contents{Values: map[string]json.RawMessage{}}}
	wanted := map[string]string{}
	for key, v := range logged {
		c.wanted.Values[key], wanted[key] = v.Data, sum(v.Data)
	}
	c.wanted.Cursor = s.Cursor().String() + "." + total(wanted)
	held, check := parseCursor(there.Cursor)
	if held.Epoch != s.Epoch() {
		held = channels.Cursor{} // of another history: the log wins
	}
	if invalid {
		c.save = len(r.saved) == 0 || s.Touched(r.Channel, "") > r.savedAt(s.Epoch())
		return c
	}
	present := sumsOf(there.Values)
	before := r.recordOf(there.Cursor)
	untouched := before == nil && check != "" && check == total(present)
	if untouched { // by another runner, perhaps before a restart
		r.remember(there)
	}
	for _, key := range union(present, wanted) {
		if present[key] == wanted[key] {
			continue
		}
		edited, seen := !untouched, held.Position
		if before != nil {
			edited = before.sums[key] != present[key]
		}
		if t, ok := r.taken[key]; ok && t.cursor == there.Cursor {
			edited, seen = t.sum != sumOrGone(present[key]), t.position
		}
		late := changedAfter(s, r.Channel, key, seen)
		switch {
		case !edited, late && before == nil && present[key] == "": // merely old, or never there
			c.save = true
		case late:
			c.save = true
			c.late[key] = present[key]
		case r.refused[key] != "" && r.refused[key] == sumOrGone(present[key]):
		default:
			c.edits[key] = edit{there.Values[key], sumOrGone(present[key]), logged[key].Position}
		}
	}
	// Without a cursor that is up to date, the next edit of what has just been taken would seem to be a late one.
	c.save = c.save || there.Cursor == "" || s.Touched(r.Channel, "") > held.Position
	return c
}

// changedAfter reports whether the log changed a key after a position, or may have deleted it then.
func changedAfter(s *channels.State, channel, key string, position uint64) bool {
	if v, ok := s.Get(channels.Ref{Channel: channel, Key: key}); ok {
		return v.Position > position
	}
	changes, complete := s.Since(channel, "", position)
	return !complete || slices.Contains(changes.Removed, key)
}

// savedAt returns the position of what was saved last.
func (r *Runner) savedAt(epoch string) uint64 {
	cursor, _ := parseCursor(r.saved[len(r.saved)-1].cursor)
	if cursor.Epoch != epoch {
		return 0
	}
	return cursor.Position
}

// recordOf returns what was saved with a cursor, nil if that was not lately.
func (r *Runner) recordOf(cursor string) *record {
	for i := range r.saved {
		if r.saved[i].cursor == cursor {
			return &r.saved[i]
		}
	}
	return nil
}

// parseCursor takes a cursor of contents apart: where in the log, and the checksum of the values.
func parseCursor(text string) (cursor channels.Cursor, check string) {
	position, check, ok := strings.Cut(text, ".")
	cursor, err := channels.ParseCursor(position)
	if !ok || err != nil {
		return channels.Cursor{}, ""
	}
	return cursor, check
}

func union(a, b map[string]string) []string {
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	return slices.Sorted(maps.Keys(keys))
}

func sumsOf(values map[string]json.RawMessage) map[string]string {
	sums := make(map[string]string, len(values))
	for key, v := range values {
		sums[key] = sum(v)
	}
	return sums
}

// sumOrGone is a sum that is not empty, also of a key that was deleted.
func sumOrGone(sum string) string {
	if sum == "" {
		return "gone"
	}
	return sum
}

// total is the checksum of all values.
func total(sums map[string]string) string {
	h := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(h, "%q%s", key, sums[key])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// sum is the checksum of a value, however it is written: spaces, the order of keys and 1.0 for 1 make no difference.
func sum(value json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	var v any
	text := []byte(value)
	if d.Decode(&v) == nil {
		if plain, err := json.Marshal(normal(v)); err == nil {
			text = plain
		}
	}
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:8])
}

func normal(v any) any {
	switch v := v.(type) {
	case json.Number:
		if _, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return v
		}
		f, err := v.Float64()
		if err != nil {
			return v
		}
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f)
		}
		return f
	case []any:
		for i := range v {
			v[i] = normal(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = normal(v[key])
		}
	}
	return v
}
