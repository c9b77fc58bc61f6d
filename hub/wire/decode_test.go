package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestBadMessagesAreRefusedWithTheirReason(t *testing.T) {
	var cases []struct{ Name, Message, Reason string }
	readFile(t, "testdata/rejected.json", &cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { wantRefused(t, c.Message, c.Reason) })
	}
}

// These cannot be written in a JSON file.
func TestInvalidUTF8IsRefused(t *testing.T) {
	for _, bad := range []string{"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"} {
		wantRefused(t, `[{"type":"join","id":1,"channel":"`+bad+`"}]`, "the message: it is not valid UTF-8")
	}
}

func wantRefused(t *testing.T, message, reason string) {
	t.Helper()
	requests, err := DecodeRequests([]byte(message))
	bad, ok := errors.AsType[*BadFrame](err)
	if !ok || requests != nil {
		t.Fatalf("accepted as %v, %v", requests, err)
	}
	if !strings.Contains(bad.Error(), reason) {
		t.Errorf("refused with  %s\nwant          %s", bad, reason)
	}
	answer := bad.Answer()
	if answer.ID != bad.ID || answer.Code != CodeBadFrame || answer.Detail != bad.Error() {
		t.Errorf("answered with %+v", answer)
	}
	if len(bad.Detail) > 300 {
		t.Errorf("an answer of %d bytes: what was sent must not fill it", len(bad.Detail))
	}
}

// Names are compared in two ways, by how many there are, and may be written in two ways.
func TestANameThatComesTwiceIsRefusedInObjectsOfAnySize(t *testing.T) {
	for size := range 3 * fewNames {
		for _, again := range []string{`"k0":1`, `"\u006b0":1`} {
			members := make([]string, size+1)
			for i := range members {
				members[i] = fmt.Sprintf(`"k%d":{"k%d":[{"k0":1}]}`, i, i)
			}
			value := "{" + strings.Join(members, ",") + "}"
			message := `[{"type":"append","id":1,"channel":"a","op":"c1ab.1","data":{"in":` + value + `}}]`
			if _, err := DecodeRequests([]byte(message)); err != nil {
				t.Fatalf("%d members: %v", size+1, err)
			}
			wantRefused(t, strings.Replace(message, value, value[:len(value)-1]+","+again+"}", 1), `the name "k0" is there twice`)
		}
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	write := func(value string) string {
		return `[{"type":"write","id":1,"channel":"a","op":"c1ab.1","set":` + value + `}]`
	}
	keys := make([]string, MaxKeys)
	for i := range keys {
		keys[i] = `"` + strings.Repeat("k", i+1) + `":1`
	}
	for name, message := range map[string]string{
		"frames": "[" + strings.Repeat(`{"type":"ping","id":1},`, MaxFrames-1) + `{"type":"ping","id":1}]`,
		"depth":  write(`{"a":` + strings.Repeat("[", MaxDepth-3) + strings.Repeat("]", MaxDepth-3) + "}"),
		"keys":   write("{" + strings.Join(keys, ",") + "}"),
		"string": write(`{"a":"` + strings.Repeat("x", MaxString) + `"}`),
		"digits": write(`{"a":` + strings.Repeat("1", MaxDigits) + "}"),
	} {
		if _, err := DecodeRequests([]byte(message)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRawValuesArePassedThrough(t *testing.T) {
	message := `[ {"type":"write" , "id":1,"channel":"a","op":"c1ab.1",
		"set":{"k": { "x" : [ 0.10e1 , 12345678901234567890123456789012 , "<\u0041 \/\ud83d\ude42 b>" ] } } } ]`
	requests, err := DecodeRequests([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"x":[0.10e1,12345678901234567890123456789012,"<\u0041 \/\ud83d\ude42 b>"]}`
	w := requests[0].(*Write)
	if got := string(w.Set["k"]); got != want {
		t.Errorf("read  %s\nwant %s", got, want)
	}
	if sent := string(AppendFrame(nil, &Change{Channel: "a", Set: w.Set})); !strings.Contains(sent, want) {
		t.Errorf("sent %s\nwant in it %s", sent, want)
	}
}

// A value outlives its message by years; it must neither change with the read buffer nor keep it in memory.
func TestRequestsShareNoMemoryWithTheMessage(t *testing.T) {
	message := []byte(`[{"type":"append","id":1,"channel":"a","op":"c1ab.1","data":"kept"}]`)
	requests, err := DecodeRequests(message)
	if err != nil {
		t.Fatal(err)
	}
	clear(message)
	a := requests[0].(*Append)
	if string(a.Data) != `"kept"` || a.Channel != "a" {
		t.Errorf("became %q in %q", a.Data, a.Channel)
	}
	if cap(a.Data) > 16 {
		t.Errorf("a value of 6 bytes holds %d", cap(a.Data))
	}
}
