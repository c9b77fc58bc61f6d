package hub

import "testing"

func TestMemoryIsGivenBackOnceWhenManyHaveComeAndNobodyComesAnyMore(t *testing.T) {
	var l lull
	total := uint64(0)
	for i, step := range []struct {
		come uint64
		want bool
	}{
		{0, false}, {20, false}, {0, false}, // few
		{manyCame, false}, {hardlyCame + 1, false}, {hardlyCame, true}, {0, false}, // many, in two seconds
		{manyCame / 2, false}, {0, false}, {manyCame / 2, false}, {0, true}, {1, false}, // in parts
	} {
		total += step.come
		if got := l.over(total); got != step.want {
			t.Errorf("step %d, in which %d came: %v, want %v", i, step.come, got, step.want)
		}
	}
}
