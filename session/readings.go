package session

import "sync"

// A readings remembers what records say. Who asks is read from the log for every transaction, and decoding the record took a
// quarter of the time of a decision. It goes by the text of a record: one that is written anew is another text, so what it
// knows cannot be out of date. Its zero value knows nothing.
type readings[T any] struct {
	mu   sync.RWMutex
	says map[string]T
}

// maxReadings is how many it remembers: more than people and programs are busy at a time.
const maxReadings = 4096

// of returns what a text says, which must not be changed; ok is what read says of one that is not known.
func (r *readings[T]) of(text []byte, read func() (T, bool)) (says T, ok bool) {
	r.mu.RLock()
	says, ok = r.says[string(text)]
	r.mu.RUnlock()
	if ok {
		return says, true
	}
	if says, ok = read(); !ok {
		return says, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.says == nil || len(r.says) >= maxReadings {
		r.says = make(map[string]T)
	}
	r.says[string(text)] = says
	return says, true
}
