package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/baton-hub/baton/cmd/bench"
	"github.com/baton-hub/baton/hub/crowd"
)

// A dialect is Centrifugo's client protocol in JSON: commands, replies and pushes, one to a line, several in a message. See
// client.proto of github.com/centrifugal/protocol.
type dialect struct {
	token string
	join  uint64 // id of the request that is to be answered with joined
	epoch string // of the channel's history
}

// The ids of what comes first on a connection; those of writes are above.
const (
	connectID = 1 + iota
	subscribeID
	writesFrom
)

func (*dialect) Path() string { return "/connection/websocket" }

// connect is the first command. A writer sends it with its first value.
func (d *dialect) connect(b []byte) []byte {
	b = append(b, `{"id":1,"connect":{"token":"`...)
	return append(append(b, d.token...), "\"}}\n"...)
}

// AppendJoin connects and subscribes in one message, as a client may.
func (d *dialect) AppendJoin(b []byte, id uint64, channel, cursor string) []byte {
	d.join = id
	b = append(append(d.connect(b), `{"id":2,"subscribe":{"channel":"`...), channel...)
	b = append(b, '"')
	if cursor != "" {
		b = append(append(b, `,"recover":true,"epoch":"`...), d.epoch...)
		b = append(append(b, `","offset":`...), cursor...)
	}
	return append(b, "}}"...)
}

func (d *dialect) AppendWrite(b []byte, w bench.Write) []byte {
	if d.join == 0 && w.N == 1 { // it has not connected to subscribe
		b = d.connect(b)
	}
	b = strconv.AppendUint(append(b, `{"id":`...), w.N+writesFrom, 10)
	b = append(append(b, `,"publish":{"channel":"`...), w.Channel...)
	b = append(append(b, `","data":`...), w.Value...)
	return append(b, "}}"...)
}

func (d *dialect) Each(message []byte, take func(crowd.Frame) error) error {
	for line := range bytes.SplitSeq(message, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		if len(line) == len("{}") {
			if err := take(crowd.Frame{Type: []byte("ping"), Data: line}); err != nil {
				return err
			}
			continue
		}
		if err := d.reply(line, take); err != nil {
			return err
		}
	}
	return nil
}

// reply takes one reply or push.
func (d *dialect) reply(line []byte, take func(crowd.Frame) error) error {
	return crowd.Fields(line, func(name, value []byte) error {
		switch string(name) {
		case "id", "connect":
			return nil
		case "subscribe":
			return d.subscribed(value, take)
		case "publish":
			return take(crowd.Frame{Type: []byte("written")})
		case "push":
			return crowd.Fields(value, func(name, value []byte) error {
				switch string(name) {
				case "channel":
					return nil
				case "pub":
					f := crowd.Frame{Type: []byte("message")}
					if err := crowd.Fields(value, func(name, value []byte) error {
						switch string(name) {
						case "data":
							f.Data = value
						case "offset":
							f.Cursor = value
						}
						return nil
					}); err != nil {
						return err
					}
					return take(f)
				}
				return fmt.Errorf("a push of a kind that was not asked for: %s", line)
			})
		}
		return fmt.Errorf("an answer that was not expected: %s", line)
	})
}

// subscribed is the answer to a subscription, with what was missed if there was a position.
func (d *dialect) subscribed(result []byte, take func(crowd.Frame) error) error {
	f := crowd.Frame{Type: []byte("joined"), ID: d.join, Mode: []byte("snapshot"), Cursor: []byte("0")} // an offset of 0 is left out
	err := crowd.Fields(result, func(name, value []byte) error {
		switch string(name) {
		case "epoch":
			d.epoch = strings.Trim(string(value), `"`)
		case "offset":
			f.Cursor = value
		case "recovered":
			if string(value) == "true" {
				f.Mode = []byte("delta")
			}
		case "publications":
			f.Messages = value
		}
		return nil
	})
	if err != nil {
		return err
	}
	return take(f)
}
