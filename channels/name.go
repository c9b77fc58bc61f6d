package channels

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a space, channel, command or key, in bytes.
const MaxName = 128

var plainName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)

// CheckName refuses what cannot be the name of a space, channel or command: those are small letters, digits and
// inner dots, dashes and underscores. Names that begin with ~ are the hub's own, see Reserved.
func CheckName(name string) error {
	if len(name) > MaxName {
		return Refuse(CodeInvalid, "the name %.20q… is longer than %d bytes", name, MaxName)
	}
	if !plainName.MatchString(name) {
		return Refuse(CodeInvalid, "%.128q is not a name: use small letters, digits and, between them, . _ -", name)
	}
	return nil
}

// CheckKey refuses what cannot be the key of a store: keys are 1 to MaxName bytes of printable UTF-8 text.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxName {
		return Refuse(CodeInvalid, "a key has 1 to %d bytes, %.20q… has %d", MaxName, key, len(key))
	}
	if !utf8.ValidString(key) {
		return Refuse(CodeInvalid, "a key is UTF-8 text")
	}
	for _, r := range key {
		if !unicode.IsPrint(r) {
			return Refuse(CodeInvalid, "the key %q has a character that cannot be printed", key)
		}
	}
	return nil
}

// Reserved reports whether a channel belongs to the hub itself: clients neither join nor write it.
func Reserved(channel string) bool { return len(channel) > 0 && channel[0] == '~' }

// The reserved stores. Each has typed views in the package named.
const (
	SpaceStore    = "~space"    // epoch and checkpoint of the log; this package
	SiteStore     = "~site"     // the rules in force; this package, the policies in session
	OpsStore      = "~ops"      // operation records, folded from the transactions themselves; this package
	CallsStore    = "~calls"    // commands in flight and lately ended, owner = who called; this package
	LocksStore    = "~locks"    // named locks that are held; this package
	ImportsStore  = "~imports"  // imports under way and lately done; this package
	SessionsStore = "~sessions" // who is signed in; session
	TokensStore   = "~tokens"   // what programs sign in with; session
	ControlStore  = "~control"  // the seat, its request line, a lost link; session
)

// ControlLog is the log channel that every space has: the journal of control, denials and commands.
const ControlLog = "control"

// An Op is the id of an operation: the client that asks, and a number that grows. It is sent as "client.n".
type Op struct {
	Client string
	N      uint64
}

// String returns the wire form.
func (o Op) String() string { return o.Client + "." + strconv.FormatUint(o.N, 10) }

// ParseOp reads the wire form: 4 to 40 letters, digits, _ and -, a dot, and a number of at most 16 digits that does not
// begin with 0. Every transaction of a log is read through it, hence by hand.
func ParseOp(s string) (Op, error) {
	client, number, _ := strings.Cut(s, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || number[0] == '0' || len(number) > 16 || !isClient(client) {
		return Op{}, Refuse(CodeInvalid,
			"%.64q is not an operation id: send op as client.n, a random client id and a number that grows", s)
	}
	return Op{client, n}, nil
}

func isClient(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return 4 <= len(id) && len(id) <= 40
}
