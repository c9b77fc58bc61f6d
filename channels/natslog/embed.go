package natslog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// EmbedOptions say how the embedded server keeps its data.
type EmbedOptions struct {
	// Dir is where everything is stored; it is made if it does not exist. Required. One process at a time may use it.
	Dir string
	// SyncInterval is how long an acknowledged append may stay unwritten: a power cut loses that much.
	// Default 0: every append is on the disk before it is acknowledged.
	SyncInterval time.Duration
	// Logger gets what the server and the client report. Default slog.Default().
	Logger *slog.Logger
}

// Embed starts a NATS server in this process, without a listener, and connects to it.
func Embed(ctx context.Context, o EmbedOptions) (*Store, error) {
	if o.Dir == "" {
		return nil, errors.New("the embedded NATS needs a directory")
	}
	logger := orDefault(o.Logger)
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	unlock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	srv, err := startServer(serverOptions(o), logger)
	if err != nil {
		unlock()
		return nil, err
	}
	stop := func() {
		srv.Shutdown()
		srv.WaitForShutdown()
		unlock()
	}
	s, err := newStore(ctx, "", 1, logger, nats.InProcessServer(srv))
	if err != nil {
		stop()
		return nil, err
	}
	s.stop = stop
	return s, nil
}

func serverOptions(o EmbedOptions) *server.Options {
	return &server.Options{
		ServerName:             "baton",
		DontListen:             true,
		NoSigs:                 true,
		JetStream:              true,
		DisableJetStreamBanner: true,
		StoreDir:               o.Dir,
		MaxPayload:             maxPayload,
		SyncAlways:             o.SyncInterval == 0,
		SyncInterval:           o.SyncInterval,
	}
}

// startServer returns when the server is ready.
func startServer(options *server.Options, logger *slog.Logger) (*server.Server, error) {
	srv, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("setting up the embedded NATS: %w", err)
	}
	srv.SetLoggerV2(serverLogger{logger.With("from", "nats-server")}, false, false, false)
	go srv.Start() // returns by itself when the server is ready or has failed; stop waits for what it started
	if !srv.ReadyForConnections(30*time.Second) || !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("the embedded NATS did not start on %s: the log above says why", options.StoreDir)
	}
	return srv, nil
}

func orDefault(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}

// A serverLogger passes on what the server has to say. Its notices are of interest to nobody but us.
type serverLogger struct{ to *slog.Logger }

func (l serverLogger) Noticef(f string, v ...any) { l.to.Debug(fmt.Sprintf(f, v...)) }
func (l serverLogger) Debugf(f string, v ...any)  { l.to.Debug(fmt.Sprintf(f, v...)) }
func (l serverLogger) Tracef(f string, v ...any)  { l.to.Debug(fmt.Sprintf(f, v...)) }
func (l serverLogger) Warnf(f string, v ...any)   { l.to.Warn(fmt.Sprintf(f, v...)) }
func (l serverLogger) Errorf(f string, v ...any)  { l.to.Error(fmt.Sprintf(f, v...)) }
func (l serverLogger) Fatalf(f string, v ...any)  { l.to.Error(fmt.Sprintf(f, v...)) }
