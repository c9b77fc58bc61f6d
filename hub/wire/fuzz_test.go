package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"
)

// seed gives a fuzz test every golden frame as a message of its own, and every message that is to be refused.
func seed(f *testing.F) {
	for _, cases := range goldens(f) {
		for _, c := range cases {
			f.Add([]byte(JoinFrames([][]byte{c.Frame})))
		}
	}
	var rejected []struct{ Message string }
	readFile(f, "testdata/rejected.json", &rejected)
	for _, r := range rejected {
		f.Add([]byte(r.Message))
	}
}

// FuzzDecodeRequests shows that no message makes the decoder panic, that it refuses whatever other parsers could read
// in two ways (so that what it accepts is to encoding/json the same), and that writing what it read says the same.
func FuzzDecodeRequests(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		requests, err := DecodeRequests(message)
		if err != nil {
			if _, ok := errors.AsType[*BadFrame](err); !ok {
				t.Fatalf("refused with %T", err)
			}
			return
		}
		frames := make([]Frame, len(requests))
		for i, r := range requests {
			frames[i] = r
		}
		written := Encode(frames...)
		again, err := DecodeRequests(written)
		if err != nil {
			t.Fatalf("refused what it accepted: %v\n%s\n%s", err, message, written)
		}
		if !reflect.DeepEqual(again, requests) {
			t.Fatalf("read again as another value\n%s\n%s", message, written)
		}
		var raw []json.RawMessage
		if err := json.Unmarshal(message, &raw); err != nil || len(raw) != len(requests) {
			t.Fatalf("accepted what is not JSON: %v\n%s", err, message)
		}
		for i, r := range requests {
			wantPlain(t, raw[i])
			wantReadAlike(t, raw[i], r)
		}
	})
}

// wantPlain fails if an object anywhere in a text has a name twice.
func wantPlain(t *testing.T, text []byte) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value func()
	value = func() {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("accepted what is not JSON: %v\n%s", err, text)
		}
		opening, ok := token.(json.Delim)
		if !ok {
			return
		}
		names := make(map[string]bool)
		for d.More() {
			if opening == '{' {
				name, err := d.Token()
				if err != nil || names[name.(string)] {
					t.Fatalf("accepted %v twice in one object, %v\n%s", name, err, text)
				}
				names[name.(string)] = true
			}
			value()
		}
		if _, err := d.Token(); err != nil {
			t.Fatalf("accepted what is not JSON: %v\n%s", err, text)
		}
	}
	value()
}

// wantReadAlike fails if encoding/json reads a frame as another request, or if the frame has a name that is not exactly
// one of the request's.
func wantReadAlike(t *testing.T, frame []byte, r Request) {
	body := reflect.New(reflect.TypeOf(r).Elem()).Interface().(Request)
	if err := json.Unmarshal(frame, body); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v\n%s", err, frame)
	}
	want, err := encode(body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := encode(r); err != nil || !bytes.Equal(want, got) {
		t.Fatalf("to encoding/json it is another request\n%s\n%s", want, got)
	}
	wantNames(t, frame, append(jsonNames(reflect.TypeOf(r).Elem()), "type"))
	if _, ok := r.(*Transact); !ok {
		return
	}
	var lists struct{ Writes, Appends, Calls []json.RawMessage }
	if err := json.Unmarshal(frame, &lists); err != nil {
		t.Fatal(err)
	}
	for _, list := range []struct {
		part  reflect.Type
		texts []json.RawMessage
	}{
		{reflect.TypeFor[TransactWrite](), lists.Writes},
		{reflect.TypeFor[TransactAppend](), lists.Appends},
		{reflect.TypeFor[TransactCall](), lists.Calls},
	} {
		for _, text := range list.texts {
			wantNames(t, text, jsonNames(list.part))
		}
	}
}

func wantNames(t *testing.T, object []byte, names []string) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		if !slices.Contains(names, name) {
			t.Fatalf("accepted the name %q: %s", name, object)
		}
	}
}

// FuzzDecodeFrames shows that no message of a hub makes a client panic, and that what it reads says the same when it is
// written and read again.
func FuzzDecodeFrames(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		frames, err := DecodeFrames(message)
		if err != nil {
			return
		}
		written := Encode(frames...)
		again, err := DecodeFrames(written)
		if err != nil {
			t.Fatalf("refused what it wrote: %v\n%s\n%s", err, message, written)
		}
		if rewritten := Encode(again...); !bytes.Equal(rewritten, written) {
			t.Fatalf("written again as something else\n%s\n%s", written, rewritten)
		}
	})
}
