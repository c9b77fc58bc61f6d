package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"time"
)

// A Throttled error refuses a sign-in after too many failures, before the credentials are looked at. It is the same for
// an account that there is and one that there is not.
type Throttled struct{ Wait time.Duration }

func (t *Throttled) Error() string {
	return fmt.Sprintf("too many failed sign-ins: try again in %v", t.Wait)
}

// A Throttle slows down who guesses passwords. It counts failures by account and address, and by address:
//
//   - the first PerAccount of an account from an address are free; after that there is a wait of 30 s, which doubles with each
//     further failure, up to 15 min. 15 min without a failure, or a success, and they are forgotten;
//   - an address has PerAddress failures in a minute.
//
// The counts are in a KV that all nodes share. A try is counted before the credentials are looked at, so that a hundred
// at once get no further than a hundred in turn. Login sessions that there are it knows nothing of: whoever is signed in
// stays it, however many try to be them. If the KV cannot be asked nobody signs in.
type Throttle struct {
	PerAccount int // 5 if not set otherwise, before the first use
	PerAddress int // 30

	kv                KV
	notFound, changed error
	seed              maphash.Seed
	turns             [64]chan struct{} // by key: those of this node go one after the other instead of losing to each other
}

// NewThrottle returns the throttle with its counts in kv; notFound and changed are the errors that kv is known by.
func NewThrottle(kv KV, notFound, changed error) *Throttle {
	t := &Throttle{PerAccount: 5, PerAddress: 30, kv: kv, notFound: notFound, changed: changed, seed: maphash.MakeSeed()}
	for i := range t.turns {
		t.turns[i] = make(chan struct{}, 1)
	}
	return t
}

// Begin counts a try as failed, or refuses it with a *Throttled. The caller says how it went on if it did not fail.
func (t *Throttle) Begin(ctx context.Context, a Attempt) (*Try, error) {
	account, address := keysOf(a)
	if err := t.count(ctx, account, t.PerAccount, tally.ofAccount); err != nil {
		return nil, err
	}
	if err := t.count(ctx, address, t.PerAddress, tally.ofAddress); err != nil {
		return nil, errors.Join(err, t.change(ctx, account, oneLess))
	}
	return &Try{throttle: t, account: account, address: address}, nil
}

// BeginAt is Begin for a try of no account, which only the address counts.
func (t *Throttle) BeginAt(ctx context.Context, address string) (*Try, error) {
	_, key := keysOf(Attempt{Address: address})
	if err := t.count(ctx, key, t.PerAddress, tally.ofAddress); err != nil {
		return nil, err
	}
	return &Try{throttle: t, address: key, anyone: true}, nil
}

// count counts a try under a key, by a rule that makes it wait instead when there are too many.
func (t *Throttle) count(ctx context.Context, key tallyKey, most int, rule func(tally, time.Time, int) (tally, time.Duration)) error {
	var wait time.Duration
	err := t.change(ctx, key, func(present tally) (next tally, write bool) {
		next, wait = rule(present, time.Now(), most)
		return next, wait == 0
	})
	if err == nil && wait > 0 {
		err = &Throttled{Wait: wait}
	}
	return err
}

// A Try is a sign-in that was counted as failed.
type Try struct {
	throttle         *Throttle
	account, address tallyKey
	anyone           bool // there is no account
}

// Succeeded forgets the failures of the account from the address, and this one of the address.
func (t *Try) Succeeded(ctx context.Context) error {
	return t.takeBack(ctx, func(tally) (tally, bool) { return tally{}, true })
}

// Undecided takes the try back: nobody could tell whether it was right.
func (t *Try) Undecided(ctx context.Context) error {
	return t.takeBack(ctx, oneLess)
}

func (t *Try) takeBack(ctx context.Context, ofAccount func(tally) (tally, bool)) error {
	err := t.throttle.change(ctx, t.address, oneLess)
	if !t.anyone {
		err = errors.Join(err, t.throttle.change(ctx, t.account, ofAccount))
	}
	return err
}

func oneLess(present tally) (tally, bool) {
	if present.Count == 0 {
		return present, false
	}
	present.Count--
	present.Until = time.Time{} // had there been one before, the try would not have begun
	return present, true
}

// change replaces a tally by what next makes of it, and begins again when another node was faster.
func (t *Throttle) change(ctx context.Context, key tallyKey, next func(tally) (_ tally, write bool)) error {
	ctx, cancel := bounded(ctx)
	defer cancel()
	turn := t.turns[maphash.Comparable(t.seed, key)%uint64(len(t.turns))]
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return fmt.Errorf("waiting to count a sign-in: %w", context.Cause(ctx))
	}
	for {
		present, revision, err := t.get(ctx, key)
		if err != nil {
			return err
		}
		changed, write := next(present)
		if !write {
			return nil
		}
		value, err := json.Marshal(changed)
		if err != nil {
			return fmt.Errorf("encoding a count of sign-ins: %w", err)
		}
		lifetime := failuresWindow + longestWait
		if revision == 0 {
			_, err = t.kv.Create(ctx, key.String(), value, lifetime)
		} else {
			_, err = t.kv.Update(ctx, key.String(), value, revision, lifetime)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, t.changed) || ctx.Err() != nil {
			return fmt.Errorf("counting a sign-in: %w", err)
		}
	}
}

func (t *Throttle) get(ctx context.Context, key tallyKey) (present tally, revision uint64, err error) {
	value, revision, err := t.kv.Get(ctx, key.String())
	if errors.Is(err, t.notFound) {
		return tally{}, 0, nil
	}
	if err != nil {
		return tally{}, 0, fmt.Errorf("looking up failed sign-ins: %w", err)
	}
	if err := json.Unmarshal(value, &present); err != nil {
		return tally{}, 0, fmt.Errorf("reading a count of failed sign-ins: %w", err)
	}
	return present, revision, nil
}
