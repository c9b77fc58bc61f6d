package backend_test

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/backend"
)

func TestEditsWhileTheHubIsDownAreTakenWhenItIsBack(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", "1")
	l.write("recipes", "b", "1")
	stop := l.keep("recipes")
	l.inStep(`{"a":1,"b":1}`)
	stop()
	l.space.Close()
	l.edit(map[string]any{"a": 5, "b": nil, "c": 7})
	l.space = l.open()
	l.keep("recipes")
	l.inStep(`{"a":5,"c":7}`)
	if said := l.said(); len(said) > 0 {
		t.Errorf("reported: %q", said)
	}
}

func TestAFileThatIsOnlyOldIsSavedAnewWithoutAWord(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", "1")
	stop := l.keep("recipes")
	l.inStep(`{"a":1}`)
	stop() // before what follows is saved, as in a power cut
	l.write("recipes", "a", "2")
	l.write("recipes", "b", "2")
	l.keep("recipes")
	l.inStep(`{"a":2,"b":2}`)
	if said := l.said(); len(said) > 0 || l.aside() != "" {
		t.Errorf("reported: %q, aside %q", said, l.aside())
	}
}

func TestAPlainFileComesInWhereTheStoreHasNothing(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "b", "1")
	l.write("recipes", "d", "1")
	l.put(`{"a": 1.5, "b": 2}`)
	l.keep("recipes")
	l.inStep(`{"a":1.5,"b":1,"d":1}`)
	l.reported("whose value is kept: b")
	if l.aside() != `{"a": 1.5, "b": 2}` {
		t.Errorf("aside is %q", l.aside())
	}
}

func TestWhoDeletesTheFileDeletesNothing(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", "1")
	l.keep("recipes")
	l.inStep(`{"a":1}`)
	if err := os.Remove(l.path); err != nil {
		t.Fatal(err)
	}
	l.inStep(`{"a":1}`)
}

func TestWhoHasLostTheDutyCommitsNothing(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "a", "1")
	l.keep("recipes", func(r *backend.Runner) {
		r.Fence = func(*channels.Draft) error { return channels.Refuse(channels.CodeForbidden, "another has it") }
	})
	l.inStep(`{"a":1}`)
	l.edit(map[string]any{"a": 2})
	l.reported("the edit of a is not taken: another has it")
	if l.store("recipes") != `{"a":1}` {
		t.Errorf("the store is %s", l.store("recipes"))
	}
}

func TestWhatServicesMayNotWriteCannotBeEditedOutside(t *testing.T) {
	l := newLab(t)
	l.keep("closed")
	l.await("the file", l.fileIs(`{}`))
	l.edit(map[string]any{"a": 1})
	l.reported("add service to its write")
	if l.store("closed") != `{}` {
		t.Errorf("the store is %s", l.store("closed"))
	}
}

// Hub and editor change keys of their own, as fast as they can, each on what they see. Nothing may be lost.
func TestNothingIsLostWhenHubAndEditorChangeAtOnce(t *testing.T) {
	l := newLab(t)
	l.write("recipes", "start", "0")
	l.keep("recipes")
	l.inStep(`{"start":0}`)
	const n = 60
	var editing sync.WaitGroup
	editing.Go(func() {
		for i := range n {
			l.edit(map[string]any{fmt.Sprintf("edited%02d", i): i})
			<-time.After(time.Duration(i%7) * 3 * time.Millisecond)
		}
	})
	for i := range n {
		l.write("recipes", fmt.Sprintf("written%02d", i), fmt.Sprint(i))
		<-time.After(time.Duration(i%5) * 4 * time.Millisecond)
	}
	editing.Wait()
	want := map[string]int{"start": 0}
	for i := range n {
		want[fmt.Sprintf("written%02d", i)], want[fmt.Sprintf("edited%02d", i)] = i, i
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	l.inStep(string(text))
}
