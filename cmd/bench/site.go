package bench

import (
	"fmt"
	"strings"
)

// The space and the channels that the clients use.
const (
	spaceName = "bench"
	storeName = "bench"
	logName   = "bench-log"
)

func roomName(i int) string { return fmt.Sprintf("room-%04d", i) }

// A site is what the hub that is measured has.
type site struct{ rooms int }

// Site is the site file of a hub that can be measured with every scenario.
func Site(rooms int) []byte { return site{rooms}.text() }

// text is the site file: limits that nobody meets, and a space.
func (s site) text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# A site for 'baton bench': limits that nobody meets, and a space with the channels that are used.
version: 1
title: Benchmark
limits: {message: 524288, unanswered: 1000000, joined: 1000000, per_session: 1000000, per_user: 1000000, per_address: 1000000, per_node: 1000000, rate: 10000000, burst: 10000000, services: 10000000, signals: 10000000}
spaces:
  %s:
    channels:
      %s: {kind: store, write: [service]}
      %s: {kind: log, write: [service], keep: 10000}
`, spaceName, storeName, logName)
	for i := range s.rooms {
		fmt.Fprintf(&b, "      %s: {kind: store, write: [service]}\n", roomName(i))
	}
	b.WriteString("authenticators:\n  - {kind: file, path: users.yaml}\n")
	return []byte(b.String())
}
