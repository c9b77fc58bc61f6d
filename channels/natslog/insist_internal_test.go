package natslog

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsNotAnsweredIsAskedForAgainUntilItIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		silent := func(ctx context.Context) (int, error) {
			asked++
			<-ctx.Done()
			return 0, ctx.Err()
		}
		start := time.Now()
		got, err := insist(t.Context(), func(ctx context.Context) (int, error) {
			if asked < 2 {
				return silent(ctx)
			}
			return 7, nil
		})
		if got != 7 || err != nil || asked != 2 || time.Since(start) != 3*answerTime {
			t.Errorf("got %d, %v after %d questions without an answer and %v", got, err, asked, time.Since(start))
		}

		start = time.Now()
		if _, err := insist(t.Context(), silent); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != insistTime {
			t.Errorf("it ends with %v after %v", err, time.Since(start))
		}

		asked = 0
		ctx, cancel := context.WithTimeout(t.Context(), answerTime/2)
		defer cancel()
		if _, err := insist(ctx, silent); !errors.Is(err, context.DeadlineExceeded) || asked != 1 {
			t.Errorf("when nobody waits any more it ends with %v after %d questions", err, asked)
		}

		refused := errors.New("no")
		if _, err := insist(t.Context(), func(context.Context) (int, error) { return 0, refused }); err != refused {
			t.Errorf("a refusal is returned as %v", err)
		}
	})
}
