package bench

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAQuantileIsWithinThreePercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		durations := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Hour)), 1, 200).Draw(t, "durations")
		var h histogram
		for _, d := range durations {
			h.add(time.Duration(d))
		}
		var all tally
		all.add(&h)
		slices.Sort(durations)
		for _, part := range []float64{0, .5, .99, 1} {
			want := durations[min(int(part*float64(len(durations))), len(durations)-1)]
			if got := int64(all.quantile(part)); got < want || got > want+want/32+1 {
				t.Fatalf("the quantile %v of %v is %d, want %d", part, durations, got, want)
			}
		}
	})
}

func TestAValueTellsWhoWroteItAndWhen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := stamp{
			time.Duration(rapid.Int64Range(0, 1<<62).Draw(t, "at")), rapid.IntRange(0, 1<<31).Draw(t, "writer"),
			rapid.Uint64Range(0, 1<<48-1).Draw(t, "n"),
		}
		size := rapid.IntRange(leastBytes, 300).Draw(t, "bytes")
		value := appendValue(nil, want, size)
		if got, ok := readStamp(value); !ok || got != want || len(value) != size {
			t.Fatalf("%s is %d bytes and reads as %+v, want %+v", value, len(value), got, want)
		}
	})
	for _, value := range []string{"", "1", `"x"`, `{"a":1}`, string(appendValue(nil, stamp{}, leastBytes)[1:]) + "x"} {
		if s, ok := readStamp([]byte(value)); ok {
			t.Errorf("%s reads as %+v", value, s)
		}
	}
}
