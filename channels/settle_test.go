package channels_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/baton-hub/baton/channels"
)

// once makes the first append after now suffer a fault.
func (b *bench) once(f channels.Fault) {
	done := false
	b.log.SetFault(func(uint64, []byte) channels.Fault {
		if done {
			return ""
		}
		done = true
		return f
	})
}

func TestAnUnknownOutcomeIsSettledByWhatTakesThePosition(t *testing.T) {
	for _, fault := range []channels.Fault{channels.FaultLost, channels.FaultNoAck, channels.FaultDelayed} {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				s := b.open()
				admit(t, s, "ann")
				b.once(fault)
				o := mustDo(t, s, set("ann", 1, "open", "k", `1`))
				time.Sleep(5 * time.Second) // in the bubble: what is under way arrives, or not
				synctest.Wait()
				if n := b.appliedTimes(op("ann-tab", 1)); n != 1 {
					t.Errorf("it is in the log %d times, answered with %d", n, o.Position)
				}
			})
		})
	}
}

func TestARefusalIsAnsweredOnlyWhenWhatItWasDecidedOnIsInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		one, two := b.open(), b.open()
		admit(t, one, "ann", "bob")
		if err := two.WaitFor(t.Context(), position(one)); err != nil {
			t.Fatal(err)
		}
		// On replica one ann creates k, and a second creation of it is refused, in the same entry. That entry is lost,
		// and on replica two bob takes the position.
		outcomes := make(chan channels.Outcome, 3)
		propose := func(p channels.Proposal) {
			p.Source, p.Done = 1, func(o channels.Outcome) { outcomes <- o }
			one.Propose(p)
		}
		b.log.SetFault(func(uint64, []byte) channels.Fault { return channels.FaultLost })
		propose(set("ann", 1, "open", "k", `"first"`, ifAt("k", 0)))
		propose(set("ann", 2, "open", "k", `"second"`, ifAt("k", 0)))
		synctest.Wait()
		select {
		case o := <-outcomes:
			t.Fatalf("answered %+v before anything was in the log", o)
		default:
		}
		b.log.SetFault(nil)
		mustDo(t, two, set("bob", 1, "open", "k", `"bob"`, ifAt("k", 0)))
		for range 2 {
			wantCode(t, <-outcomes, channels.CodeConflict)
		}
	})
}

// Who hands a proposal in does it otherwise when it has not been decided in time. Then it must not be decided any more.
func TestWhatHasWaitedForTooLongIsNotDecidedWhenTheLogIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		s := b.open()
		admit(t, s, "ann")
		outcomes := make(chan channels.Outcome, 2)
		propose := func(n int, within time.Duration) {
			p := set("ann", n, "open", "k", "1")
			p.Within, p.Done = within, func(o channels.Outcome) { outcomes <- o }
			s.Propose(p)
		}
		b.log.SetFault(func(uint64, []byte) channels.Fault { return channels.FaultLost })
		propose(1, 0)
		synctest.Wait()
		propose(2, 300*time.Millisecond)   // it waits for the entry under way
		time.Sleep(400 * time.Millisecond) // in the bubble: too late for it, and before the space next looks after what is late
		b.log.SetFault(nil)
		time.Sleep(10 * time.Second)
		for range 2 {
			if o := <-outcomes; channels.CodeOf(o.Err) != channels.CodeUnavailable && o.Err != nil {
				t.Errorf("answered %+v", o)
			}
		}
		if once, late := b.appliedTimes(op("ann-tab", 1)), b.appliedTimes(op("ann-tab", 2)); once != 1 || late != 0 {
			t.Errorf("the one under way is in the log %d times, the late one %d times", once, late)
		}
	})
}

func TestAnOperationThatArrivesAfterALaterOneIsApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBench(t).open()
		admit(t, s, "ann")
		mustDo(t, s, set("ann", 5, "open", "five", `1`))
		mustDo(t, s, set("ann", 4, "open", "four", `1`))
		if get(s, "open", "four") != "1" {
			t.Error("operation 4 was not applied")
		}
		for n := 6; n <= 5+channels.KeptOps; n++ {
			mustDo(t, s, set("ann", n, "open", "k", `1`))
		}
		late := s.Do(t.Context(), set("ann", 3, "open", "three", `1`))
		wantCode(t, late, channels.CodeUnknown)
		if r, ok := late.Err.(*channels.Refusal); !ok || r.More[channels.ForgottenKey] != true {
			t.Errorf("nothing says that it is of no use to send it again: %+v", late.Err)
		}
	})
}

func TestAnOperationSentOnTwoNodesAtOnceIsAppliedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		one, two := b.open(), b.open()
		admit(t, one, "ann")
		if err := two.WaitFor(t.Context(), position(one)); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 50; n++ {
			outcomes := make(chan channels.Outcome, 2)
			for _, s := range []*channels.Space{one, two} {
				p := set("ann", n, "open", "k", fmt.Sprint(n))
				p.Done = func(o channels.Outcome) { outcomes <- o }
				s.Propose(p)
			}
			x, y := <-outcomes, <-outcomes
			if x.Err != nil || y.Err != nil || x.Position != y.Position {
				t.Fatalf("operation %d: %+v and %+v", n, x, y)
			}
			if times := b.appliedTimes(op("ann-tab", n)); times != 1 {
				t.Fatalf("operation %d is in the log %d times", n, times)
			}
		}
	})
}

func TestTwoOperationsWithoutAnswersAreAppliedOnceInOrderAfterARestart(t *testing.T) {
	for name, pause := range map[string]time.Duration{"at once": 0, "an hour later": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				s := b.open()
				admit(t, s, "ann")
				mustDo(t, s, set("ann", 1, "open", "k", `"one"`)) // the answers get lost on their way to the client
				mustDo(t, s, set("ann", 2, "open", "k", `"two"`))
				s.Close()
				time.Sleep(pause)
				s = b.open()
				for n, v := range []string{`"one"`, `"two"`} {
					mustDo(t, s, set("ann", n+1, "open", "k", v))
					if times := b.appliedTimes(op("ann-tab", n+1)); times != 1 {
						t.Errorf("operation %d is in the log %d times", n+1, times)
					}
				}
				if got := get(s, "open", "k"); got != `"two"` {
					t.Errorf("the value is %s", got)
				}
			})
		})
	}
}

// TestContention lets three replicas write under every fault and checks what is promised: each acknowledged operation
// is in the log exactly once, at the position that was answered, and all replicas come to the same state.
func TestContention(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, wrong := range contend(t, seed, false) {
					t.Error(wrong)
				}
			})
		})
	}
}

// TestContentionNoticesALogThatIgnoresTheExpectation is the mutant of TestContention: with a log that stores at its end
// what was decided on something else, the same check must fail.
func TestContentionNoticesALogThatIgnoresTheExpectation(t *testing.T) {
	noticed := 0
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			if len(contend(t, seed, true)) > 0 {
				noticed++
			}
		})
	}
	if noticed == 0 {
		t.Error("in eight schedules nothing was noticed")
	}
}

// A distantLog takes a moment to reach, so that replicas decide on the same position at the same time.
type distantLog struct {
	*channels.MemoryLog
	moment   func() time.Duration
	careless bool          // stores at the end what was decided on something else
	late     *atomic.Int64 // appends that came when the position was taken
}

func (l distantLog) Append(ctx context.Context, after uint64, data []byte) error {
	time.Sleep(l.moment()) // in the bubble
	if _, last, _ := l.Bounds(ctx); last != after {
		l.late.Add(1)
		if l.careless {
			return l.MemoryLog.Append(context.WithoutCancel(ctx), last, data)
		}
	}
	return l.MemoryLog.Append(ctx, after, data)
}

func contend(t *testing.T, seed uint64, careless bool) (wrong []string) {
	b := newBench(t)
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	var late atomic.Int64
	b.wrap = func(l *channels.MemoryLog) channels.Log {
		return distantLog{l, func() time.Duration { return time.Duration(draw(5)) * time.Millisecond }, careless, &late}
	}
	replicas := []*channels.Space{b.open(), b.open(), b.open()}
	users := []string{"ann", "bob", "cyd"}
	admit(t, replicas[0], users...)
	synctest.Wait() // until all of them know
	b.log.SetFault(func(uint64, []byte) channels.Fault {
		return []channels.Fault{"", "", "", channels.FaultLost, channels.FaultNoAck, channels.FaultDelayed}[draw(6)]
	})
	acknowledged := make(chan map[channels.Op]uint64)
	for i, user := range users {
		go func() {
			mine := map[channels.Op]uint64{}
			for n := 1; n <= 40; n++ {
				o := replicas[(i+n)%3].Do(t.Context(), set(user, n, "open", fmt.Sprint("k", n%4), fmt.Sprint(n)))
				if o.Err == nil {
					mine[op(user+"-tab", n)] = o.Position
				}
			}
			acknowledged <- mine
		}()
	}
	all := map[channels.Op]uint64{}
	for range users {
		maps.Copy(all, <-acknowledged)
	}
	b.log.SetFault(nil)
	time.Sleep(5 * time.Second) // in the bubble: what is under way arrives
	synctest.Wait()
	if len(all) < 100 {
		wrong = append(wrong, fmt.Sprintf("only %d of 120 operations were acknowledged: the test proves little", len(all)))
	}
	if late.Load() < 10 {
		wrong = append(wrong, fmt.Sprintf("only %d appends came too late: the test proves little", late.Load()))
	}
	wrong = append(wrong, b.compare(all)...)
	want := snapshotOf(t, replicas[0])
	for _, r := range replicas[1:] {
		if snapshotOf(t, r) != want {
			wrong = append(wrong, "two replicas differ")
		}
	}
	return wrong
}

// compare holds what was acknowledged against the log.
func (b *bench) compare(acknowledged map[channels.Op]uint64) (wrong []string) {
	found := map[channels.Op]uint64{}
	for i, e := range b.entries() {
		for _, tx := range e.Transactions {
			if found[tx.Op] != 0 {
				wrong = append(wrong, fmt.Sprintf("operation %s is in the log twice", tx.Op))
			}
			found[tx.Op] = uint64(i + 1)
		}
	}
	for o, p := range acknowledged {
		if found[o] != p {
			wrong = append(wrong, fmt.Sprintf("operation %s was acknowledged at %d and is at %d", o, p, found[o]))
		}
	}
	return wrong
}
