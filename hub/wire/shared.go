package wire

import (
	"bytes"
	"strconv"
)

// What a hub sends many clients that ask for the same at the same moment is encoded once: ShareJoined and ShareWelcome take
// the part that is the same for all, AppendJoinedStart and AppendWelcome what is of each alone.

// ShareJoined encodes a Joined without its id and its beginning, which AppendJoinedStart writes.
func ShareJoined(f *Joined) []byte {
	without := *f
	without.ID = 0
	return bytes.TrimPrefix(AppendFrame(nil, &without), joinedStart)
}

var joinedStart = []byte(`{"type":"joined"`)

// AppendJoinedStart appends the beginning of a Joined with an id, 0 for none: what ShareJoined returned comes after it.
func AppendJoinedStart(dst []byte, id uint64) []byte {
	dst = append(dst, joinedStart...)
	if id != 0 {
		dst = strconv.AppendUint(append(dst, `,"id":`...), id, 10)
	}
	return dst
}

// SharedMembers is the JSON of a list of members, SharedRules that of the channels and the commands.
type (
	SharedMembers []byte
	SharedRules   []byte
)

// ShareMembers encodes who is here, for AppendWelcome and AppendPresence.
func ShareMembers(members []Member) SharedMembers {
	frame := AppendFrame(nil, &Presence{Members: members})
	return frame[len(presenceStart) : len(frame)-1]
}

const presenceStart = `{"type":"presence","members":`

// AppendPresence appends a Presence of these members.
func AppendPresence(dst []byte, members SharedMembers) []byte {
	return append(append(append(dst, presenceStart...), members...), '}')
}

// ShareRules encodes the rules that a client may know, for AppendWelcome.
func ShareRules(channels map[string]ChannelRules, commands map[string]CommandRules) SharedRules {
	data, err := encode(struct {
		Channels Table[ChannelRules] `json:"channels"`
		Commands Table[CommandRules] `json:"commands"`
	}{channels, commands})
	if err != nil {
		panic("wire: encoding rules: " + err.Error()) // they have been checked where they came in
	}
	return data[1 : len(data)-1]
}

var (
	noMembers = []byte(`"presence":[]`)
	noRules   = []byte(`"channels":{},"commands":{}`)
)

// AppendWelcome appends a Welcome, whose presence, channels and commands are these.
func AppendWelcome(dst []byte, w *Welcome, members SharedMembers, rules SharedRules) []byte {
	without := *w
	without.Presence, without.Channels, without.Commands = nil, nil, nil
	frame := AppendFrame(nil, &without)
	// Ahead of the members, and behind the rules, there are texts only, whose quotes are escaped: neither can be taken for
	// what is in them. The calls between them can hold anything.
	before, rest, _ := bytes.Cut(frame, noMembers)
	at := bytes.LastIndex(rest, noRules)
	dst = append(append(append(dst, before...), `"presence":`...), members...)
	dst = append(append(dst, rest[:at]...), rules...)
	return append(dst, rest[at+len(noRules):]...)
}
