package main

import (
	"strings"
	"testing"
)

func TestTotals(t *testing.T) {
	in := `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA/sub"}
{"Action":"skip","Package":"p","Test":"TestA/later"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"why\n"}
{"Action":"output","Package":"p","Test":"TestB/sub","Output":"why exactly\n"}
{"Action":"fail","Package":"p","Test":"TestB/sub"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestC","Output":"no disk\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestD","Output":"panic: oh\n"}
{"Action":"fail","Package":"p","Elapsed":1.25}
{"Action":"build-output","ImportPath":"q [q.test]","Output":"q.go:1: nonsense\n"}
{"Action":"fail","Package":"q","FailedBuild":"q [q.test]"}
not json
`
	want := `--- SKIP p TestA/later
--- FAIL p TestB
why
why exactly
--- SKIP p TestC
no disk
panic: oh
FAIL     p 1.2s
q.go:1: nonsense
FAIL     q 0.0s
not json
1 passed, 1 failed, 2 skipped
`
	var out strings.Builder
	if err := totals(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}
