package channels_test

import (
	"context"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/channelstest"
)

func TestMemoryLogKeepsTheContract(t *testing.T) {
	channelstest.TestLog(t, func(*testing.T) channelstest.LogHarness {
		logs := map[string]*channels.MemoryLog{}
		return channelstest.LogHarness{
			Open: func(_ *testing.T, space string) channels.Log {
				if logs[space] == nil {
					logs[space] = channels.NewMemoryLog()
				}
				return logs[space]
			},
			Restart: func(*testing.T) {}, // the replicas start again; what they share is still there
			Unanswered: func(t *testing.T, log channels.Log, after uint64, data []byte) error {
				l := log.(*channels.MemoryLog)
				l.SetFault(func(uint64, []byte) channels.Fault { return channels.FaultNoAck })
				defer l.SetFault(nil)
				return l.Append(context.WithoutCancel(t.Context()), after, data)
			},
		}
	})
}

func TestMemorySnapshotsKeepTheContract(t *testing.T) {
	channelstest.TestSnapshots(t, func(*testing.T) channelstest.SnapshotsHarness {
		spaces := map[string]*channels.MemorySnapshots{}
		return channelstest.SnapshotsHarness{
			Open: func(_ *testing.T, space string) channels.Snapshots {
				if spaces[space] == nil {
					spaces[space] = &channels.MemorySnapshots{}
				}
				return spaces[space]
			},
			Restart: func(*testing.T) {}, // the replicas start again; what they share is still there
		}
	})
}
