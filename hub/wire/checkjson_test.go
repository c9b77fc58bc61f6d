package wire_test

import (
	"strings"
	"testing"

	"github.com/baton-hub/baton/hub/wire"
)

func TestABodyIsReadByTheSameLetterAsAMessage(t *testing.T) {
	for in, want := range map[string]string{
		` { "a" : [ 1.0e1 , null ] } `: `{"a":[1.0e1,null]}`,
		"7":                            "7",
		`"é"`:                          `"é"`,
	} {
		if got, err := wire.CheckJSON([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%s became %s, %v", in, got, err)
		}
	}
	for name, in := range map[string]string{
		"nothing": "", "two values": "1 2", "a name twice": `{"a":1,"a":2}`, "a name twice, escaped": `{"a":1,"\u0061":2}`,
		"broken UTF-8": "\"\xff\"", "half a pair": `"\ud800"`, "too deep": strings.Repeat("[", 33) + strings.Repeat("]", 33),
		"out of range": "1e999", "no JSON": "{a:1}", "a comma too many": "[1,]",
	} {
		if got, err := wire.CheckJSON([]byte(in)); err == nil {
			t.Errorf("%s: %s was read as %s", name, in, got)
		}
	}
}
