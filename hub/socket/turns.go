package socket

import (
	"bytes"
	"net"
	"slices"
	"time"
)

// A control frame of the library never waits behind a message that the client is still taking: it is noted, and whoever
// writes that message writes it at the end of the frame. So the library, which gives a ping or a pong five seconds and then
// closes the connection, does not take a client for gone that is at work on something large. Only a close frame waits.

// controlTime is how long a client has to take something when nothing but control frames is on its way.
const controlTime = 10 * time.Second

// piece is what is handed over at once by who waits: what has gone is counted by it.
const piece = 64 << 10

// attempt writes a data frame as far as it goes without waiting; what does not go at once is the rest. tried is false if
// somebody else is writing: then nothing was done.
func (l *link) attempt(frame []byte, tails [][]byte) (sent, tried bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return false, true, net.ErrClosed
	case l.writing || len(l.rest) > 0:
		return false, false, nil
	}
	sent, err = l.tryLocked(frame, tails)
	return sent, true, err
}

// tryLocked writes what goes without waiting, and keeps the rest.
func (l *link) tryLocked(frame []byte, tails [][]byte) (whole bool, err error) {
	if len(l.first) > 0 {
		frame, l.first = append(l.first, frame...), nil
	}
	n, err := l.tryOneLocked(frame)
	if n < len(frame) && err == nil {
		l.rest = append([][]byte{bytes.Clone(frame[n:])}, tails...)
		return false, nil
	}
	for i, tail := range tails {
		if err != nil {
			break
		}
		if n, err = l.tryOneLocked(tail); n < len(tail) && err == nil {
			l.rest = append([][]byte{tail[n:]}, tails[i+1:]...)
			return false, nil
		}
	}
	l.closed = err != nil
	return err == nil, err
}

func (l *link) tryOneLocked(data []byte) (n int, err error) {
	l.try.data = data
	err = l.raw.Write(l.try.run)
	l.try.data = nil
	if err == nil {
		err = l.try.err
	}
	return l.try.n, err
}

// Write is the library's: a control frame, whole. A close frame waits until it is taken; the library closes the connection
// when that takes too long for it.
func (l *link) Write(frame []byte) (int, error) {
	const opcode, closing = 0x0f, 0x08
	if frame[0]&opcode == closing {
		if err := l.writeAll([][][]byte{{frame}}, controlTime, true); err != nil {
			return 0, err
		}
		return len(frame), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, net.ErrClosed
	}
	idle := !l.writing && len(l.rest) == 0 // else somebody comes by who writes what is next
	if idle && l.raw != nil {
		whole, err := l.tryLocked(frame, nil)
		if err != nil {
			return 0, err
		}
		if whole {
			return len(frame), nil
		}
	} else {
		l.nextLocked(frame)
	}
	if idle {
		l.writing = true
		go func() { _ = l.writeAll(nil, controlTime, false) }() // an error shows at the next write
	}
	return len(frame), nil
}

// nextLocked notes a control frame. It takes the place of one of its kind, as the standard allows for pongs, and pings go
// out one at a time: what waits is small, however often a client pings that takes nothing.
func (l *link) nextLocked(frame []byte) {
	for at := 0; at < len(l.next); {
		const head = 2 // of a control frame, whose length fits into it
		n := head + int(l.next[at+1])
		if l.next[at] == frame[0] {
			l.next = slices.Delete(l.next, at, at+n)
			continue
		}
		at += n
	}
	l.next = append(l.next, frame...)
}

// writeAll writes the rest, the control frames that are next, and then frames. It waits as long as the client takes
// something, see watch. If the last one is a close frame, nothing comes after it.
func (l *link) writeAll(frames [][][]byte, limit time.Duration, closing bool) error {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.mu.Lock()
	if l.closed {
		l.writing = false
		l.mu.Unlock()
		return net.ErrClosed
	}
	l.writing = true
	size := sizeOf(l.rest)
	l.mu.Unlock()
	for _, frame := range frames {
		size += sizeOf(frame)
	}
	w, err := l.watch(limit, size)
	for err == nil {
		var data []byte
		var over bool
		if data, frames, over = l.due(frames, closing); over {
			return w.end()
		}
		err = l.hand(data)
	}
	l.mu.Lock()
	l.closed, l.writing, l.rest, l.next = true, false, nil, nil // there may be half a frame out
	l.mu.Unlock()
	_ = w.end()
	return err
}

func sizeOf(frame [][]byte) (n int) {
	for _, part := range frame {
		n += len(part)
	}
	return n
}

// due is what is written next by who has the turn, and what frames are left then. If there is nothing, the turn is over.
func (l *link) due(frames [][][]byte, closing bool) (data []byte, left [][][]byte, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.first) > 0:
		data, l.first = l.first, nil
		return data, frames, false
	case len(l.rest) > 0: // of one frame: nothing comes in between
	case len(l.next) > 0:
		data, l.next = l.next, nil
		return data, frames, false
	case len(frames) > 0:
		l.rest, frames = frames[0], frames[1:]
	default:
		l.writing, l.closed, l.rest = false, closing, nil
		return nil, nil, true
	}
	data, l.rest = l.rest[0], l.rest[1:]
	return data, frames, false
}

// hand hands data over, and waits for it.
func (l *link) hand(data []byte) error {
	for len(data) > 0 {
		n, err := l.Conn.Write(data[:min(len(data), piece)])
		l.went.Add(int64(n))
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}
