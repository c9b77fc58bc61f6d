package wire

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A golden is one case of a file in testdata; the file is named after the type of its frames.
type golden struct {
	Name      string          `json:"name"`
	Direction string          `json:"direction"`
	Frame     json.RawMessage `json:"frame"`
}

func goldens(t testing.TB) map[string][]golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	files := make(map[string][]golden)
	for _, path := range paths {
		frameType := strings.TrimSuffix(filepath.Base(path), ".json")
		if frameType != "rejected" {
			var cases []golden
			readFile(t, path, &cases)
			files[frameType] = cases
		}
	}
	return files
}

func readFile(t testing.TB, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("reading %s: %v", path, err)
	}
}

// decode reads a frame the way its receiver does.
func decode(t *testing.T, direction string, frame []byte) Frame {
	t.Helper()
	message := JoinFrames([][]byte{frame})
	if direction == "client" {
		requests, err := DecodeRequests(message)
		if err != nil {
			t.Fatal(err)
		}
		return requests[0]
	}
	frames, err := DecodeFrames(message)
	if err != nil || len(frames) != 1 {
		t.Fatalf("decoded %d frames, %v", len(frames), err)
	}
	return frames[0]
}

func TestGoldenFramesAreReadAndWrittenAlike(t *testing.T) {
	for frameType, cases := range goldens(t) {
		for _, c := range cases {
			t.Run(frameType+"/"+c.Name, func(t *testing.T) {
				f := decode(t, c.Direction, c.Frame)
				if f.FrameType() != frameType {
					t.Fatalf("type %q in the file of %q", f.FrameType(), frameType)
				}
				written := AppendFrame(nil, f)
				if !reflect.DeepEqual(plain(t, written), plain(t, c.Frame)) {
					t.Errorf("read  %s\nwrote %s", c.Frame, written)
				}
			})
		}
	}
}

// plain is what any JSON parser makes of a text, numbers as they are written.
func plain(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Every type has a file, and its cases use every field there is: a field that no case holds is a field that no other
// language is tested with.
func TestGoldenFramesUseEveryField(t *testing.T) {
	used := make(map[string]map[string]bool) // by direction and type
	for frameType, cases := range goldens(t) {
		for _, c := range cases {
			where := c.Direction + " " + frameType
			if used[where] == nil {
				used[where] = make(map[string]bool)
			}
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(c.Frame, &fields); err != nil {
				t.Fatal(err)
			}
			for name := range fields {
				used[where][name] = true
			}
		}
	}
	shared := []string{"seen", "again"} // of all requests: one type is enough
	for _, f := range everyFrame() {
		direction := "server"
		if _, ok := f.(Request); ok {
			direction = "client"
		}
		for _, name := range jsonNames(reflect.TypeOf(f).Elem()) {
			if direction == "client" && slices.Contains(shared, name) && used["client write"][name] {
				continue
			}
			if !used[direction+" "+f.FrameType()][name] {
				t.Errorf("no case of a %s %s frame has %q", direction, f.FrameType(), name)
			}
		}
	}
}

// jsonNames lists the names of a struct's fields in JSON.
func jsonNames(s reflect.Type) (names []string) {
	for i := range s.NumField() {
		f := s.Field(i)
		if f.Anonymous {
			names = append(names, jsonNames(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// everyFrame returns an empty frame of each type in each direction.
func everyFrame() (frames []Frame) {
	requests, pushes := EveryFrame()
	for _, r := range requests {
		frames = append(frames, r)
	}
	return append(frames, pushes...)
}

// What is written always is what must be read, and nothing else; but for the id, which has a rule of its own.
func TestRequestsHoldTheFieldsOfTheirStructs(t *testing.T) {
	requests, _ := EveryFrame()
	for _, r := range requests {
		wantFields(t, r, allFields(r))
	}
	wantFields(t, new(TransactWrite), new(TransactWrite).fields())
	wantFields(t, new(TransactAppend), new(TransactAppend).fields())
	wantFields(t, new(TransactCall), new(TransactCall).fields())
}

func wantFields(t *testing.T, object any, fields []field) {
	t.Helper()
	listed := make(map[string]bool)
	for _, f := range fields {
		listed[f.name] = f.required
	}
	always := make(map[string]json.RawMessage)
	if err := json.Unmarshal(must(encode(object)), &always); err != nil {
		t.Fatal(err)
	}
	names := jsonNames(reflect.TypeOf(object).Elem())
	for _, name := range names {
		required, ok := listed[name]
		if !ok {
			t.Errorf("%T cannot be read with its %q", object, name)
		}
		if _, written := always[name]; name != "id" && written != required {
			t.Errorf("%q of %T: always written %t, required %t", name, object, written, required)
		}
	}
	if len(names) != len(listed) {
		t.Errorf("%T has %v and reads %v", object, names, listed)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Empty frames show that nothing is null where a browser loops over it.
func TestEmptyListsAreNeverNull(t *testing.T) {
	for _, f := range []Frame{&Welcome{}, &ControlState{}, &Presence{Members: []Member{{}}}, &Serving{}, &Serve{}} {
		var fields map[string]any
		if err := json.Unmarshal(AppendFrame(nil, f), &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"presence", "calls", "requests", "members", "commands", "channels"} {
			if v, ok := fields[name]; ok && v == nil {
				t.Errorf("%q of an empty %s frame is null", name, f.FrameType())
			}
		}
	}
}

func TestClientsIgnoreWhatTheyDoNotKnow(t *testing.T) {
	frames, err := DecodeFrames([]byte(`[{"type":"aurora","id":1},{"type":"pong","id":2,"cursor":"e1-1","hue":"green"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []Frame{&Pong{ID: 2, Cursor: "e1-1"}}; !reflect.DeepEqual(frames, want) {
		t.Errorf("read %v, want %v", frames, want)
	}
}
