package natslog

import "github.com/nats-io/nats.go/jetstream"

// JetStream is what the store itself talks to, for tests that compare with it.
func (s *Store) JetStream() jetstream.JetStream { return s.js }
