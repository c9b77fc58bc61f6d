package natslog

import (
	"errors"
	"fmt"

	"github.com/baton-hub/baton/channels"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNotSent is returned when a request certainly had no effect, because it did not reach a server that could
	// carry it out: there is no connection, or the stream has no leader. Asking again later is safe.
	ErrNotSent = errors.New("NATS cannot be reached")

	// ErrStorage is returned when the server cannot store: its disk is full, or fails. A failed append may still be
	// found in the log when the server has been restarted, so what sits at its position settles it, as ever.
	ErrStorage = fmt.Errorf("NATS: %w", channels.ErrStorage)

	// ErrClosed is returned by everything that waits for a Store that was closed.
	ErrClosed = errors.New("the store is closed")

	// ErrShorter is returned by a Follow of a log that has lost records which were already delivered: the server was
	// put back to an older state. What was folded from them is not the log's truth any more.
	ErrShorter = errors.New("the log is shorter than what it has delivered")
)

// The error codes of JetStream that decisions hang on.
const (
	codeWrongSequence    = 10071 // the expected sequence is not the last one
	codeSequenceBusy     = 10164 // in a cluster: another message to it is under way
	codeNoResources      = 10023
	codeMemoryExceeded   = 10028
	codeStorageExceeded  = 10047
	codeStoreFailed      = 10077
	codeUnavailable      = 10008 // the cluster has no leader for its own state
	codeStreamOffline    = 10118
	codeStreamNotFound   = 10059
	codeMessageNotFound  = 10037
	codeConsumerNotFound = 10014
)

// cause gives an error of nats.go the sentinel of this package that fits, where one does.
func cause(err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &api):
		return apiCause(int(api.ErrorCode), err)
	case errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse),
		errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionReconnecting):
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	return err
}

func apiCause(code int, err error) error {
	switch code {
	case codeNoResources, codeMemoryExceeded, codeStorageExceeded, codeStoreFailed:
		return fmt.Errorf("%w: %w", ErrStorage, err)
	case codeUnavailable, codeStreamOffline:
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	return err
}

// isCode reports whether err is an answer of JetStream with one of the codes.
func isCode(err error, codes ...int) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if int(api.ErrorCode) == c {
			return true
		}
	}
	return false
}
