package client

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/baton-hub/baton/hub/wire"
)

// told is what a log's watcher heard: the messages, and a ! where there is a gap.
func watched(l *Log) (told *[]string) {
	told = new([]string)
	l.Watch(func(messages []Message, gap bool) {
		if gap {
			*told = append(*told, "!")
		}
		for _, m := range messages {
			*told = append(*told, string(m.Data))
		}
	})
	return told
}

func logMessages(from, to int) (messages []wire.LogMessage) {
	for i := from; i <= to; i++ {
		messages = append(messages, wire.LogMessage{Position: uint64(i), Data: json.RawMessage(fmt.Sprint(i))})
	}
	return messages
}

func message(position int, data string) *wire.Message {
	return &wire.Message{Channel: "log", Position: uint64(position), Cursor: fmt.Sprintf("e1-%d", position), Data: json.RawMessage(data)}
}

func TestEveryMessageOfALogComesOnceThroughReconnects(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		l := c.Log("log", 2)
		told := watched(l)
		join := expect[*wire.Join](p)
		if join.Last == nil || *join.Last != 2 || join.Cursor != "" {
			t.Errorf("joined %+v", join)
		}
		p.send(&wire.Joined{ID: join.ID, Channel: "log", Cursor: "e1-4", Mode: wire.Snapshot, Reason: wire.ReasonNew, Messages: logMessages(3, 4)})
		if err := l.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.send(message(5, "5"), message(6, "61"), message(6, "62"))
		synctest.Wait()
		p.cut()
		p = s.accept()
		join = expect[*wire.Join](p)
		if join.Last != nil || join.Cursor != "e1-6" {
			t.Errorf("joined again %+v: it has to be from where it was, with nothing left out", join)
		}
		p.send(&wire.Joined{ID: join.ID, Channel: "log", Cursor: "e1-8", Mode: wire.Delta, Messages: logMessages(7, 8)})
		p.send(&wire.Joined{Channel: "log", Cursor: "e1-9", Mode: wire.Delta, Messages: logMessages(7, 9)}) // too slow: it may overlap
		synctest.Wait()
		want := []string{"3", "4", "5", "61", "62", "7", "8", "9"}
		if !slices.Equal(*told, want) || len(l.Messages()) != len(want) || l.Gap() {
			t.Errorf("told %v, has %v, gap %v; want %v", *told, l.Messages(), l.Gap(), want)
		}
	})
}

func TestALogSaysWhereMessagesAreMissing(t *testing.T) {
	for name, joined := range map[string]*wire.Joined{
		"forgotten":   {Mode: wire.Delta, Gap: true, Cursor: "e1-9", Messages: logMessages(8, 9)},
		"another log": {Mode: wire.Snapshot, Reason: wire.ReasonEpoch, Cursor: "e2-9", Messages: logMessages(1, 2)},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *script) {
				c, p := s.connect()
				l := c.Log("log", AllMessages)
				told := watched(l)
				join := expect[*wire.Join](p)
				p.send(&wire.Joined{ID: join.ID, Channel: "log", Cursor: "e1-3", Mode: wire.Snapshot, Messages: logMessages(3, 3)})
				joined.Channel = "log"
				p.send(joined)
				synctest.Wait()
				want := []string{"3", "!", string(joined.Messages[0].Data), string(joined.Messages[1].Data)}
				if !slices.Equal(*told, want) || !l.Gap() || len(l.Messages()) != 2 || join.Last != nil {
					t.Errorf("told %v, has %v, gap %v; want %v", *told, l.Messages(), l.Gap(), want)
				}
			})
		})
	}
}

func TestALogKeepsAsManyMessagesAsItsRulesSay(t *testing.T) {
	inBubble(t, func(t *testing.T, s *script) {
		c, p := s.connect()
		hello := welcome("e1-1")
		hello.Channels = map[string]wire.ChannelRules{"log": {Kind: "log", Keep: 5}}
		p.send(hello)
		l := c.Log("log", AllMessages)
		told := watched(l)
		p.send(&wire.Joined{ID: expect[*wire.Join](p).ID, Channel: "log", Cursor: "e1-3", Mode: wire.Snapshot, Messages: logMessages(1, 4)})
		for i := 5; i <= 20; i++ {
			p.send(message(i, fmt.Sprint(i)))
		}
		synctest.Wait()
		if got := l.Messages(); len(got) != 5 || got[0].Position != 16 || len(*told) != 20 || l.Gap() {
			t.Errorf("has %v, told %v", got, *told)
		}
	})
}
