package wire

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Some frames are written for every commit, and reflection took most of the time: these write themselves, as encoding/json
// would, which is a test. Their raw values are as they were decided or read, so they are not looked at again.

// A quick frame appends its members after the type, each with a comma before it.
type quick interface {
	Frame
	appendMembers(dst []byte) []byte
}

func (c *Change) appendMembers(dst []byte) []byte {
	dst = appendText(append(dst, `,"channel":`...), c.Channel)
	dst = appendSome(dst, `,"owner":`, c.Owner)
	dst = appendNumber(dst, `,"position":`, c.Position)
	dst = appendSome(dst, `,"cursor":`, c.Cursor)
	if !c.At.IsZero() {
		dst = appendTime(append(dst, `,"at":`...), c.At)
	}
	dst = appendMap(dst, `,"set":`, c.Set, appendRaw)
	dst = appendMap(dst, `,"patch":`, c.Patch, appendRaw)
	dst = appendList(dst, `,"delete":`, c.Delete)
	dst = appendSome(dst, `,"by":`, c.By)
	return appendSome(dst, `,"op":`, c.Op)
}

func (m *Message) appendMembers(dst []byte) []byte {
	dst = appendText(append(dst, `,"channel":`...), m.Channel)
	dst = strconv.AppendUint(append(dst, `,"position":`...), m.Position, 10)
	dst = appendText(append(dst, `,"cursor":`...), m.Cursor)
	dst = appendTime(append(dst, `,"at":`...), m.At)
	dst = appendSome(dst, `,"by":`, m.By)
	dst = appendRaw(append(dst, `,"data":`...), m.Data)
	return appendSome(dst, `,"op":`, m.Op)
}

func (w *Written) appendMembers(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, `,"id":`...), w.ID, 10)
	dst = strconv.AppendUint(append(dst, `,"position":`...), w.Position, 10)
	dst = appendText(append(dst, `,"cursor":`...), w.Cursor)
	return appendList(dst, `,"calls":`, w.Calls)
}

func (a *Appended) appendMembers(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, `,"id":`...), a.ID, 10)
	dst = strconv.AppendUint(append(dst, `,"position":`...), a.Position, 10)
	return appendText(append(dst, `,"cursor":`...), a.Cursor)
}

// A request is encoded again by the hub, without its head: an operation id is bound to that.
func (w *Write) appendMembers(dst []byte) []byte {
	dst = w.appendHead(dst)
	dst = appendText(append(dst, `,"channel":`...), w.Channel)
	dst = appendSome(dst, `,"owner":`, w.Owner)
	dst = appendMap(dst, `,"set":`, w.Set, appendRaw)
	dst = appendList(dst, `,"delete":`, w.Delete)
	dst = appendMap(dst, `,"patch":`, w.Patch, appendRaw)
	dst = appendMap(dst, `,"if":`, w.If, appendPlain)
	dst = appendSome(dst, `,"unseen":`, w.Unseen)
	dst = appendNumber(dst, `,"term":`, w.Term)
	dst = appendMap(dst, `,"held":`, w.Held, appendPlain)
	return appendText(append(dst, `,"op":`...), w.Op)
}

func (a *Append) appendMembers(dst []byte) []byte {
	dst = a.appendHead(dst)
	dst = appendText(append(dst, `,"channel":`...), a.Channel)
	dst = appendRaw(append(dst, `,"data":`...), a.Data)
	dst = appendNumber(dst, `,"term":`, a.Term)
	return appendText(append(dst, `,"op":`...), a.Op)
}

func (h *Head) appendHead(dst []byte) []byte {
	dst = appendSome(appendNumber(dst, `,"id":`, h.ID), `,"seen":`, h.Seen)
	if h.Again {
		dst = append(dst, `,"again":true`...)
	}
	return dst
}

// appendText appends a string.
func appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := encode(s) // there is no string that it refuses
			return append(dst, text...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// appendSome appends a member if its string is not empty, appendNumber if its number is not 0.
func appendSome(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	return appendText(append(dst, name...), s)
}

func appendNumber(dst []byte, name string, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, name...), n, 10)
}

func appendPlain(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

func appendRaw(dst []byte, raw json.RawMessage) []byte {
	if raw == nil {
		return append(dst, "null"...)
	}
	return append(dst, raw...)
}

func appendTime(dst []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
}

// appendList and appendMap append a member if there is anything in it.
func appendList(dst []byte, name string, list []string) []byte {
	for i, s := range list {
		if i == 0 {
			dst = append(append(dst, name...), '[')
		} else {
			dst = append(dst, ',')
		}
		dst = appendText(dst, s)
	}
	if len(list) > 0 {
		dst = append(dst, ']')
	}
	return dst
}

func appendMap[T any](dst []byte, name string, m map[string]T, value func([]byte, T) []byte) []byte {
	if len(m) == 0 {
		return dst
	}
	dst = append(append(dst, name...), '{')
	if len(m) == 1 {
		for key, v := range m {
			dst = value(append(appendText(dst, key), ':'), v)
		}
		return append(dst, '}')
	}
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value(append(appendText(dst, key), ':'), m[key])
	}
	return append(dst, '}')
}
