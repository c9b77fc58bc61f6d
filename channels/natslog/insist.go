package natslog

import (
	"context"
	"errors"
	"time"
)

const (
	// answerTime is more than a cluster takes to make a stream, mostly. The next time it gets twice as long, up to longestTime:
	// who asked while nobody led the cluster has no answer for that, and somebody may lead it a moment later.
	answerTime  = time.Second
	longestTime = 4 * time.Second
	// insistTime is after how long it is no use.
	insistTime = 30 * time.Second
)

// insist asks for something to be there, again and again until there is an answer. A cluster says nothing at all to some of
// those who want the same stream at the same time, as nodes do that start together, though it makes it: that was so in
// one of ten starts of three nodes. ask has to be something that may be done twice.
func insist[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, insistTime)
	defer cancel()
	for wait := answerTime; ; wait = min(2*wait, longestTime) {
		bounded, cancel := context.WithTimeout(ctx, wait)
		answer, err := ask(bounded)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return answer, err
		}
	}
}
