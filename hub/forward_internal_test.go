package hub

import (
	"fmt"
	"slices"
	"testing"
)

func TestNodesAgreeOnTheHomeAndKeepItWhenOthersComeAndGo(t *testing.T) {
	nodes := []string{"a", "b", "c"}
	count := map[string]int{}
	for i := range 300 {
		space := fmt.Sprint("space", i)
		first := home(space, nodes)
		count[first]++
		if again := home(space, []string{"c", "a", "b"}); again != first {
			t.Errorf("%s is at home at %s, or at %s", space, first, again)
		}
		without := slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n != first && n == "b" })
		if still := home(space, without); still != first {
			t.Errorf("%s has moved from %s to %s, because another node left", space, first, still)
		}
	}
	for _, n := range nodes {
		if count[n] < 50 {
			t.Errorf("of 300 spaces %v are at home", count)
		}
	}
}
