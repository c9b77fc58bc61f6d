package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Store is a connection to NATS and all that is kept there. Its methods may be called from any goroutine.
type Store struct {
	// Set at construction.
	nc       *nats.Conn
	js       jetstream.JetStream
	replicas int
	logger   *slog.Logger
	link     *link
	stop     func() // ends the embedded server; nil without one

	closing sync.Once
}

const (
	// maxPayload is what the embedded server accepts in one message, in bytes.
	maxPayload = 8 << 20
	// minPayload is what any server must accept: an entry of 512 KiB with room for its headers.
	minPayload = 1 << 20
)

// newStore connects and checks that the server is fit for use.
func newStore(ctx context.Context, url string, replicas int, logger *slog.Logger, more ...nats.Option) (*Store, error) {
	l := newLink()
	options := append([]nats.Option{
		nats.Name("baton"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 400*time.Millisecond),
		// Nothing is kept to be sent after a reconnect: it would arrive when nobody expects it any more.
		nats.ReconnectBufSize(-1),
		// A server that has stopped without closing the connection is noticed after 3 to 4 seconds.
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(3),
		nats.FlusherTimeout(5 * time.Second),
		nats.Timeout(2 * time.Second),
		nats.ConnectHandler(func(*nats.Conn) { l.up() }),
		nats.ReconnectHandler(func(*nats.Conn) {
			l.up()
			logger.Info("NATS is back")
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			l.down()
			if err != nil {
				logger.Warn("NATS is lost", "error", err)
			}
		}),
		nats.ClosedHandler(func(*nats.Conn) { l.close() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			logger.Warn("NATS reports an error", "error", err)
		}),
	}, more...)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	if err := checkServer(ctx, nc); err != nil {
		nc.Close()
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("using JetStream: %w", err)
	}
	if err := l.wait(ctx); err != nil { // the client reports that it is connected a moment after it is
		nc.Close()
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	return &Store{nc: nc, js: js, replicas: max(replicas, 1), logger: logger, link: l}, nil
}

// checkServer refuses a server that cannot hold what Baton stores.
func checkServer(ctx context.Context, nc *nats.Conn) error {
	if got := nc.MaxPayload(); got < minPayload {
		return fmt.Errorf("the NATS server accepts messages of %d bytes only: set max_payload to %d or more", got, minPayload)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("using JetStream: %w", err)
	}
	// A cluster that has not yet agreed on who leads says nothing: ask again rather than wait.
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("asking NATS for JetStream: %w", err)
	}
	return nil
}

// Connected reports whether there is a connection to NATS at this moment. A server that hangs without closing the
// connection is noticed after 3 to 4 seconds.
func (s *Store) Connected() bool {
	// The client reports a change a moment after it knows of it, and in that moment requests would still be tied to the
	// connection before.
	return s.nc.IsConnected() && s.link.isUp()
}

// Close ends the connection and, after it, the embedded server. What is under way fails. It may be called twice.
func (s *Store) Close() {
	s.closing.Do(func() {
		s.nc.Close()
		s.link.close()
		if s.stop != nil {
			s.stop()
		}
	})
}

// stream makes sure that a stream exists and is set up like this.
func (s *Store) stream(ctx context.Context, config jetstream.StreamConfig) (jetstream.Stream, error) {
	config.Replicas = s.replicas
	// The shortest there is: nothing here is sent with a message id.
	config.Duplicates = time.Second
	// One that is there as it should be is left alone: only another configuration is worth an update.
	stream, err := insist(ctx, func(ctx context.Context) (jetstream.Stream, error) {
		stream, err := s.js.CreateStream(ctx, config)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = s.js.UpdateStream(ctx, config)
		}
		return stream, err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the stream %s: %w", config.Name, cause(err))
	}
	return stream, nil
}

// why says why a request under an attached context failed: an end of the connection is not an end of the caller's ctx.
func why(attached context.Context, err error) error {
	if attached.Err() != nil {
		return context.Cause(attached)
	}
	return cause(err)
}

// A link tells who waits for it whether the connection is there.
type link struct {
	mu      sync.Mutex
	online  chan struct{}   // closed while there is a connection, or none will ever come; guarded by mu
	session context.Context // ends with the present connection; guarded by mu
	end     context.CancelCauseFunc
	closed  bool // guarded by mu
}

var errLost = errors.New("the connection to NATS was lost")

func newLink() *link {
	l := &link{online: make(chan struct{})}
	l.session, l.end = context.WithCancelCause(context.Background())
	return l
}

func (l *link) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.upLocked() {
		return
	}
	if l.session.Err() != nil {
		l.session, l.end = context.WithCancelCause(context.Background())
	}
	close(l.online)
}

func (l *link) down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.upLocked() {
		return
	}
	l.end(errLost)
	l.online = make(chan struct{})
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.end(ErrClosed)
	if !l.upLocked() {
		close(l.online)
	}
}

func (l *link) isUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.closed && l.upLocked()
}

func (l *link) upLocked() bool {
	select {
	case <-l.online:
		return true
	default:
		return false
	}
}

// attach returns a context that ends with ctx or with the present connection, whichever is first; the cause tells.
func (l *link) attach(ctx context.Context) (context.Context, context.CancelFunc) {
	l.mu.Lock()
	session := l.session
	l.mu.Unlock()
	child, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(session, func() { cancel(context.Cause(session)) })
	return child, func() {
		release()
		cancel(nil)
	}
}

// wait returns when there is a connection (nil), when ctx ends, or when there will never be one again (ErrClosed).
func (l *link) wait(ctx context.Context) error {
	l.mu.Lock()
	online := l.online
	l.mu.Unlock()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-online:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	return nil
}
