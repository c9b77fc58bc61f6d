package natslog

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// live is the stream LIVE: one message per subject live.<space>.<channel>.<key>, in memory.
type live struct{ store *Store }

var _ channels.Live = (*live)(nil)

const (
	liveStream = "LIVE"
	byHeader   = "Baton-By" // who published a value
	// liveBytes bounds the memory of all live values; the oldest make room.
	liveBytes = 64 << 20
	// goneFor is how long it is remembered that a value is gone, for followers that had no connection meanwhile.
	goneFor = time.Minute
)

// Live opens the live values of the whole hub. After a break of the connection Follow delivers every present value
// again. Values are lost when the NATS server restarts; whoever publishes them does so again. What is published after
// that and before a follower has come back is lost too: only followers make the stream again.
func (s *Store) Live(ctx context.Context) (channels.Live, error) {
	l := &live{store: s}
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// open makes the stream if it is not there. A server that runs alone forgets a stream in memory, with its settings,
// when it is restarted.
func (l *live) open(ctx context.Context) (err error) {
	_, err = l.store.stream(ctx, jetstream.StreamConfig{
		Name:              liveStream,
		Subjects:          []string{"live.>"},
		Storage:           jetstream.MemoryStorage,
		MaxMsgsPerSubject: 1,
		MaxBytes:          liveBytes,
		Discard:           jetstream.DiscardOld,
		AllowMsgTTL:       true,
	})
	return err
}

// Publish sends without waiting for an answer.
func (l *live) Publish(_ context.Context, v channels.LiveValue, lifetime time.Duration) error {
	subj, err := subject("live", v.Space, v.Channel, v.Key)
	if err != nil {
		return err
	}
	m := nats.NewMsg(subj)
	m.Data = v.Data
	if v.By != "" {
		m.Header.Set(byHeader, url.QueryEscape(v.By)) // headers have no line breaks, names may
	}
	if len(v.Data) == 0 && lifetime == 0 {
		lifetime = goneFor
	}
	if lifetime > 0 {
		m.Header.Set(jetstream.MsgTTLHeader, seconds(lifetime))
	}
	if !l.store.Connected() {
		return fmt.Errorf("publishing a live value: %w", ErrNotSent)
	}
	if err := l.store.nc.PublishMsg(m); err != nil {
		return fmt.Errorf("publishing a live value: %w", cause(err))
	}
	return nil
}

// Follow begins every consumer with the present values: sequences mean nothing after a restart of a memory stream.
func (l *live) Follow(ctx context.Context, follower channels.LiveFollower) error {
	awaited, begun := uint64(0), false // how many of the present values have yet to come, from here on
	come := func() {
		if begun && awaited == 0 {
			begun = false
			tell(follower.Current)
		}
	}
	return l.store.tail(ctx, tailing{
		stream: liveStream,
		config: func(ctx context.Context) (jetstream.ConsumerConfig, error) {
			if err := l.open(ctx); err != nil {
				return jetstream.ConsumerConfig{}, err
			}
			return jetstream.ConsumerConfig{
				DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
				FilterSubject: "live.>",
			}, nil
		},
		begin: func(pending uint64) {
			awaited, begun = pending, true
			tell(follower.Begin)
			come()
		},
		deliver: func(_ context.Context, m jetstream.Msg, meta *jetstream.MsgMetadata) error {
			awaited = min(max(awaited, 1)-1, meta.NumPending) // one that was replaced before it came does not
			defer come()
			key, err := liveKey(m.Subject())
			if err != nil {
				l.store.logger.Warn("not a live value of ours", "subject", m.Subject(), "why", err)
				return nil
			}
			by, _ := url.QueryUnescape(m.Headers().Get(byHeader)) // written by Publish
			follower.Deliver(channels.LiveValue{LiveKey: key, Data: m.Data(), By: by, At: meta.Timestamp})
			return nil
		},
	})
}

func tell(what func()) {
	if what != nil {
		what()
	}
}

// liveKey reads what subject wrote.
func liveKey(subj string) (channels.LiveKey, error) {
	parts := strings.Split(subj, ".")
	if len(parts) != 4 {
		return channels.LiveKey{}, fmt.Errorf("it has %d parts, not 4", len(parts))
	}
	var names [3]string
	for i, p := range parts[1:] {
		n, err := untoken(p)
		if err != nil {
			return channels.LiveKey{}, err
		}
		names[i] = n
	}
	return channels.LiveKey{Space: names[0], Channel: names[1], Key: names[2]}, nil
}

// seconds writes a lifetime as NATS wants it: whole seconds, rounded up, at least one.
func seconds(d time.Duration) string {
	return ((d + time.Second - 1) / time.Second * time.Second).String()
}
