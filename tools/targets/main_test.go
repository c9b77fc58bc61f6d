package main

import (
	"strings"
	"testing"
)

func TestTheMedianIsHeldAgainstTheTarget(t *testing.T) {
	in := `goos: linux
BenchmarkDurableWrite-2   	    4875	    494542 ns/op	       279.7 hub-p50-µs	         1.427 of-raw-p50
BenchmarkDurableWrite-2   	    4875	    494542 ns/op	       279.7 hub-p50-µs	         9 of-raw-p50
BenchmarkDurableWrite-2   	    4875	    494542 ns/op	       279.7 hub-p50-µs	         1.5 of-raw-p50
BenchmarkManyWriters-2    	       4	 602752134 ns/op	         4.9 times-raw
BenchmarkReplicaStart/written-together/snapshot-2  	 4	 602752134 ns/op	  0.4 start-s	  3.01 heap/values
PASS
`
	var out strings.Builder
	missed, err := report(strings.NewReader(in), &out)
	if err != nil {
		t.Fatal(err)
	}
	table, found := strings.CutPrefix(out.String(), in)
	if !found {
		t.Errorf("the output was not copied:\n%s", out.String())
	}
	words := map[string]string{}
	for line := range strings.Lines(table) {
		for _, word := range []string{"ok", "missed", "not measured"} {
			if strings.HasSuffix(line, "  "+word+"\n") {
				words[strings.Join(strings.Fields(line)[:4], " ")] = word
			}
		}
	}
	for what, word := range map[string]string{
		"durable write of one": "ok", "64 writers, writes/s, over": "missed", "its heap over the": "not measured", "start with 100,000 keys": "not measured",
	} {
		if words[what] != word {
			t.Errorf("%s: %q, want %s, in\n%s", what, words[what], word, table)
		}
	}
	if missed != len(targets)-2 { // the write and the start from a snapshot
		t.Errorf("%d of %d were missed", missed, len(targets))
	}
	if !strings.Contains(table, "≤ 1.5  ") || !strings.Contains(table, "≥ 5  ") {
		t.Errorf("no limits in\n%s", table)
	}
}
