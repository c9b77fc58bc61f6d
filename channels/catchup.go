package channels

import (
	"context"
	"fmt"
	"time"
)

// CatchUp waits until the replica is where the log ends now, as the log itself says: for a question whose answer may
// not be older than the asking, such as whether somebody is signed in. It fails within 2 s or so if the log is away.
func (s *Space) CatchUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	_, last, err := s.options.Log.Bounds(ctx)
	if err != nil {
		return fmt.Errorf("asking the log of %s for its end: %w", s.Name(), err)
	}
	return s.WaitFor(ctx, last)
}

// waitTime is how long a request waits for a replica to catch up (DESIGN §2).
const waitTime = 2 * time.Second
