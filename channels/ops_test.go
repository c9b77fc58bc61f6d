package channels_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

func TestAClientThatComesBackWhileItIsForgottenIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 1, "open", "k", `1`))
		s.Close()
		time.Sleep(channels.ForgetAfter + time.Hour) // in the bubble
		s = b.open()
		admit(t, s, "ann") // the log's clock moves with its records
		say := channels.Append{Channel: "log", Data: json.RawMessage(`"once"`)}
		p := channels.Proposal{Op: op("ann-tab", 2), Actor: "ann", User: "ann", Decide: say.Decide}
		forget := channels.Proposal{Op: op("hub-x", 1), Decide: channels.Forget()}
		outcomes := together(s, p, forget)
		if outcomes[0].Err != nil || outcomes[1].Err != nil || outcomes[0].Position != outcomes[1].Position {
			t.Fatalf("said: %+v, forgotten: %+v: not in one entry", outcomes[0], outcomes[1])
		}
		again := mustDo(t, s, p)
		if n := b.appliedTimes(p.Op); n != 1 || again.Position != outcomes[0].Position {
			t.Errorf("the retry was answered with %d; it is in the log %d times", again.Position, n)
		}
	})
}
