package natslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// spaceLog is the log of one space: the stream TX_<space> with one subject. A record's position is its sequence.
type spaceLog struct {
	store   *Store
	subject string
	stream  jetstream.Stream
}

var _ channels.Log = (*spaceLog)(nil)

// Log opens the log of a space; the first to do so makes it.
//
// Append returns, besides what channels.Log says, ErrNotSent (certainly not stored, because nobody could be asked) and
// ErrStorage (the server cannot store; like any other error it does not say what sits at the position).
// Follow fails with ErrShorter or ErrClosed, or when the stream was deleted; it survives everything else.
func (s *Store) Log(ctx context.Context, space string) (channels.Log, error) {
	config, err := logConfig(space)
	if err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, config)
	if err != nil {
		return nil, err
	}
	return &spaceLog{store: s, subject: config.Subjects[0], stream: stream}, nil
}

// logConfig says what the stream of a space's log is.
func logConfig(space string) (jetstream.StreamConfig, error) {
	name, err := streamName(logPrefix, space)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	subj, err := subject("tx", space)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	return jetstream.StreamConfig{
		Name:       name,
		Subjects:   []string{subj},
		Storage:    jetstream.FileStorage,
		DenyDelete: true, // only Purge takes records away, from the front
	}, nil
}

// Append publishes with the expectation that the last sequence of the stream is after, and waits for the answer.
func (l *spaceLog) Append(ctx context.Context, after uint64, data []byte) error {
	m := nats.NewMsg(l.subject)
	m.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(after, 10))
	m.Data = data
	sequence, err := l.store.publish(ctx, m)
	switch {
	case isCode(err, codeWrongSequence, codeSequenceBusy):
		return channels.ErrMoved
	case err != nil:
		return fmt.Errorf("appending at %d: %w", after+1, err)
	case sequence != after+1:
		return fmt.Errorf("appending at %d: NATS stored it at %d", after+1, sequence)
	}
	return nil
}

// publish sends a message to a stream and returns the sequence at which it was stored, on as many disks as the server
// waits for. It returns as soon as the connection breaks: an answer would not come any more.
func (s *Store) publish(ctx context.Context, m *nats.Msg) (sequence uint64, err error) {
	if !s.Connected() {
		if s.nc.IsClosed() {
			return 0, fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
		}
		return 0, ErrNotSent
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	attached, release := s.link.attach(ctx)
	defer release()
	answer, err := s.nc.RequestMsgWithContext(attached, m)
	if err != nil {
		return 0, why(attached, err)
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return 0, fmt.Errorf("reading the answer of NATS: %w", err)
	}
	if ack.Error != nil {
		return 0, cause(ack.Error)
	}
	if ack.Sequence == 0 {
		return 0, fmt.Errorf("NATS answered without a sequence: %.100q", answer.Data)
	}
	return ack.Sequence, nil
}

// Bounds asks the stream's leader.
func (l *spaceLog) Bounds(ctx context.Context) (first, last uint64, err error) {
	attached, release := l.store.link.attach(ctx)
	defer release()
	// Nobody answers while the stream has no leader, and nobody answers later what was asked then.
	info, err := insist(attached, func(ctx context.Context) (*jetstream.StreamInfo, error) { return l.stream.Info(ctx) })
	if err != nil {
		return 0, 0, fmt.Errorf("reading the bounds of the log: %w", why(attached, err))
	}
	if info.State.LastSeq == 0 {
		return 0, 0, nil
	}
	return info.State.FirstSeq, info.State.LastSeq, nil
}

// Purge never purges beyond the last position: NATS would then move the positions.
func (l *spaceLog) Purge(ctx context.Context, through uint64) error {
	first, last, err := l.Bounds(ctx)
	if err != nil {
		return err
	}
	through = min(through, last)
	if through < first || through == 0 {
		return nil
	}
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSequence(through+1)); err != nil {
		return fmt.Errorf("purging the log: %w", cause(err))
	}
	return nil
}

// shorterAfter is how long a log may seem to be shorter than what it has delivered. The new leader of a cluster may
// need a moment until it has applied all that was committed.
const shorterAfter = 5 * time.Second

// Follow reads through consumers that live as long as nothing goes wrong. Positions must come without a jump, or the
// records in between must be gone from the log; otherwise it starts again behind the last one delivered.
func (l *spaceLog) Follow(ctx context.Context, after uint64, deliver func(channels.Record)) error {
	last, delivered := after, false
	var shorter time.Time
	return l.store.tail(ctx, tailing{
		stream: l.stream.CachedInfo().Config.Name,
		config: func(ctx context.Context) (jetstream.ConsumerConfig, error) {
			if delivered {
				if err := l.checkNotShorter(ctx, last, &shorter); err != nil {
					return jetstream.ConsumerConfig{}, err
				}
			}
			return jetstream.ConsumerConfig{
				DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
				OptStartSeq:   last + 1,
			}, nil
		},
		deliver: func(ctx context.Context, m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			position := meta.Sequence.Stream
			if position <= last {
				return errDisordered
			}
			if position > last+1 {
				first, _, err := l.Bounds(ctx)
				if err != nil {
					return err
				}
				if first < position {
					return errDisordered
				}
			}
			last, delivered = position, true
			deliver(channels.Record{Position: position, Time: meta.Timestamp, Data: m.Data()})
			return nil
		},
	})
}

// checkNotShorter returns ErrShorter once the log has been shorter than last for a while, since shorter.
func (l *spaceLog) checkNotShorter(ctx context.Context, last uint64, shorter *time.Time) error {
	_, now, err := l.Bounds(ctx)
	switch {
	case err != nil:
		return err
	case now >= last:
		*shorter = time.Time{}
		return nil
	case shorter.IsZero():
		*shorter = time.Now()
	case time.Since(*shorter) > shorterAfter:
		return fatalError{fmt.Errorf("%w: it ends at %d, %d was delivered", ErrShorter, now, last)}
	}
	return errors.New("the log is not as long as it was")
}
