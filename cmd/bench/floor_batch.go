package bench

import (
	"runtime"

	"github.com/baton-hub/baton/hub/wire"
)

// With Batch, a channel has one log of frames for all its members, and loops that write to each member, at once, all that it
// has not been sent yet. So what waits is shared, and nothing is copied.

// logBytes is how long a log may become before what everybody was sent is dropped.
const logBytes = 4 << 20

// startLoops starts the loops of a channel, which end with the process.
func (f *floor) startLoops(ch *floorChannel) {
	loops := runtime.GOMAXPROCS(0)
	for i := range loops {
		wake := make(chan struct{}, 1)
		ch.wake = append(ch.wake, wake)
		go func() {
			for range wake {
				ch.flush(i, loops)
			}
		}()
	}
}

// queue takes a frame into the log, and the answer for who asked.
func (f *floor) queue(ch *floorChannel, c *floorConn, frame, answer wire.Frame) error {
	ch.log = append(ch.log, webSocketMessage(wire.Encode(frame))...)
	if c.joined != ch {
		if err := c.send(webSocketMessage(wire.Encode(answer))); err != nil {
			return err
		}
	} else {
		c.mu.Lock()
		c.answers = append(c.answers, webSocketMessage(wire.Encode(answer))...)
		c.mu.Unlock()
	}
	for _, wake := range ch.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// flush writes what there is to every loops-th member.
func (ch *floorChannel) flush(loop, loops int) {
	ch.mu.Lock()
	members := append([]*floorConn(nil), ch.members...)
	ch.mu.Unlock()
	for i := loop; i < len(members); i += loops {
		members[i].flush(ch)
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if len(ch.log) < logBytes {
		return
	}
	least := ch.forgot + uint64(len(ch.log))
	for _, m := range ch.members {
		m.mu.Lock()
		least = min(least, m.cursor)
		m.mu.Unlock()
	}
	ch.log = append([]byte(nil), ch.log[least-ch.forgot:]...) // others may be writing from the old one
	ch.forgot = least
}

// flush writes to one member all that waits for it.
func (c *floorConn) flush(ch *floorChannel) {
	ch.mu.Lock()
	c.mu.Lock()
	defer c.mu.Unlock()
	frames := ch.log[c.cursor-ch.forgot:]
	c.cursor += uint64(len(frames))
	ch.mu.Unlock()
	if len(c.answers) > 0 {
		frames = append(frames[:len(frames):len(frames)], c.answers...)
		c.answers = c.answers[:0]
	}
	if len(frames) > 0 {
		_, _ = c.conn.Write(frames) // one that has gone is noticed by its reader
	}
}
