package channels

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// MemoryLog is a Log in memory: for tests, and for whoever wants a hub that forgets. Several replicas may share one.
// It can be told to misbehave as a network does.
type MemoryLog struct {
	// Guarded by mu.
	mu      sync.Mutex
	records []Record
	first   uint64
	last    uint64
	grown   chan struct{} // closed and replaced at each append
	down    bool
	fault   func(after uint64, data []byte) Fault
}

// A Fault is what happens to one append.
type Fault string

// The faults. An empty Fault is none.
const (
	FaultLost    Fault = "lost"    // not stored, and nobody is told
	FaultNoAck   Fault = "no ack"  // stored, and nobody is told
	FaultDelayed Fault = "delayed" // stored a while after the answer that nobody knows, if the position is still free
)

var errSilence = errors.New("no answer from the log")

// NewMemoryLog returns an empty log.
func NewMemoryLog() *MemoryLog { return &MemoryLog{first: 1, grown: make(chan struct{})} }

// SetFault makes every append ask for its fault; nil ends that.
func (m *MemoryLog) SetFault(fault func(after uint64, data []byte) Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
}

// SetDown cuts the log off, or brings it back: calls fail, followers are interrupted, nothing is lost.
func (m *MemoryLog) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
	m.wakeLocked()
}

// LoseAfter forgets the end of the log, as a power cut does to a server that does not sync always.
func (m *MemoryLog) LoseAfter(position uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = min(m.last, position)
	m.records = slices.DeleteFunc(m.records, func(r Record) bool { return r.Position > position })
	m.wakeLocked()
}

// Append stores data at position after+1, or returns ErrMoved.
func (m *MemoryLog) Append(ctx context.Context, after uint64, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var fault Fault
	if m.fault != nil {
		fault = m.fault(after, data)
	}
	switch {
	case ctx.Err() != nil || m.down || fault == FaultLost:
		return errSilence
	case fault == FaultDelayed:
		time.AfterFunc(time.Second, func() { _ = m.store(after, data) })
		return errSilence
	}
	err := m.storeLocked(after, data)
	if fault == FaultNoAck {
		return errSilence
	}
	return err
}

func (m *MemoryLog) store(after uint64, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.storeLocked(after, data)
}

func (m *MemoryLog) storeLocked(after uint64, data []byte) error {
	if after != m.last {
		return ErrMoved
	}
	m.last++
	m.records = append(m.records, Record{Position: m.last, Time: time.Now().Round(0), Data: bytes.Clone(data)})
	m.wakeLocked()
	return nil
}

func (m *MemoryLog) wakeLocked() {
	close(m.grown)
	m.grown = make(chan struct{})
}

// Follow delivers the records after a position.
func (m *MemoryLog) Follow(ctx context.Context, after uint64, deliver func(Record)) error {
	for {
		m.mu.Lock()
		grown, down := m.grown, m.down
		i, _ := slices.BinarySearchFunc(m.records, after+1, func(r Record, p uint64) int { return int(r.Position) - int(p) })
		records := slices.Clone(m.records[i:])
		m.mu.Unlock()
		if down {
			return errSilence
		}
		for _, r := range records {
			if ctx.Err() != nil {
				return nil
			}
			deliver(r)
			after = r.Position
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil
		}
	}
}

// Bounds returns the first position held and the last one ever stored.
func (m *MemoryLog) Bounds(context.Context) (first, last uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.down:
		return 0, 0, errSilence
	case m.last == 0:
		return 0, 0, nil
	}
	return m.first, m.last, nil
}

// Purge forgets the records up to a position.
func (m *MemoryLog) Purge(_ context.Context, through uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errSilence
	}
	m.first = max(m.first, min(through, m.last)+1)
	m.records = slices.DeleteFunc(m.records, func(r Record) bool { return r.Position < m.first })
	return nil
}

// MemorySnapshots are Snapshots in memory.
type MemorySnapshots struct {
	mu      sync.Mutex
	through uint64
	data    []byte
}

// Newest returns the snapshot saved last.
func (m *MemorySnapshots) Newest(context.Context) (uint64, io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		return 0, nil, ErrNoSnapshot
	}
	return m.through, io.NopCloser(bytes.NewReader(m.data)), nil
}

// Save keeps a snapshot, unless a newer one is there.
func (m *MemorySnapshots) Save(_ context.Context, through uint64, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if through >= m.through {
		m.through, m.data = through, data
	}
	return nil
}
