package channels

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// FuzzImportedLines reads what may come from anywhere: every line is in exactly one step, or is named as one that makes no
// sense, and the sum is of the lines as they came.
func FuzzImportedLines(f *testing.F) {
	for _, seed := range []string{
		"", "\n", `{"baton":1}`, `{"baton":1}` + "\r\n\r\n" + `{"end":{}}`, `{"baton":2}` + "\n", "x\n\x00\n",
		`{"baton":1,"values":2}` + "\n" + `{"channel":"c","key":"k","value":null}` + "\n" + `{"channel":"c","key":"k","deleted":true}` + "\n" +
			`{"channel":"c","data":{"a":[1]}}` + "\n" + `{"end":{"values":1}}` + "\n" + `{}`,
		`{"baton":1}` + "\n" + strings.Repeat(`{"channel":"c","key":"k","value":1}`+"\n", 2*importItems+1),
		`{"baton":1}` + "\n" + `{"channel":"c","data":"` + strings.Repeat("x", 100) + "\"}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want := ""
		lines := bytes.SplitAfter(text, []byte("\n"))
		if len(lines[len(lines)-1]) == 0 {
			lines = lines[:len(lines)-1]
		}
		r := newImportReader(bytes.NewReader(text), 0, "")
		next, done := 1, 0
		for {
			step, err := r.step()
			var refused *Refusal
			switch {
			case errors.Is(err, io.EOF):
				for ; done < len(lines); done++ {
					line := lines[done][:min(len(lines[done]), maxImportLine)]
					want = ImportSum(want, bytes.TrimRight(line, "\r\n"))
				}
				if next != len(lines)+1 || r.sum != want {
					t.Errorf("it came to line %d of %d", next-1, len(lines))
				}
				return
			case errors.As(err, &refused):
				if refused.More["line"] != next {
					t.Fatalf("line %v was refused, and line %d is due", refused.More["line"], next)
				}
				next++
				continue
			case err != nil:
				t.Fatal(err)
			}
			if step.From != next-1 || step.Line <= step.From || step.Line-step.From > importItems {
				t.Fatalf("a step goes from %d to %d, and line %d is due", step.From, step.Line, next)
			}
			for _, item := range step.Items {
				if item.Line < next || item.Line > step.Line || item.Channel == "" {
					t.Fatalf("in lines %d to %d there is %+v", next, step.Line, item)
				}
				next = item.Line + 1
			}
			next = step.Line + 1
		}
	})
}
