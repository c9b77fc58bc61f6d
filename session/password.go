package session

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/crypto/argon2"
)

// A passwordHash is an argon2id hash and how it was made.
type passwordHash struct {
	memory, time uint32 // KiB, passes
	threads      uint8
	salt, key    []byte
}

// newHashCost is what new hashes cost: the first choice of the OWASP password storage cheat sheet.
var newHashCost = passwordHash{memory: 19 << 10, time: 2, threads: 1}

func hashPassword(password string) passwordHash {
	h := newHashCost
	h.salt = make([]byte, 16)
	_, _ = rand.Read(h.salt) // it never fails, crypto/rand says
	h.key = h.derive(password, 32)
	return h
}

// cost is what it takes to compare with the hash, in no unit.
func (h passwordHash) cost() int { return int(h.memory) * int(h.time) }

func (h passwordHash) derive(password string, length int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(length))
}

func (h passwordHash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, len(h.key)), h.key) == 1
}

// String returns the hash as a PHC string.
func (h passwordHash) String() string {
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads, enc(h.salt), enc(h.key))
}

var phcForm = regexp.MustCompile(`^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$`)

// parsePasswordHash reads what String wrote. A cost that would make one sign-in a burden is refused: more than 256 MiB,
// 10 passes or 16 threads.
func parsePasswordHash(s string) (h passwordHash, err error) {
	m := phcForm.FindStringSubmatch(s)
	if m == nil {
		return h, fmt.Errorf("the password is not an argon2id hash ($argon2id$v=19$m=…,t=…,p=…$salt$hash): baton user add makes one")
	}
	var cost [3]int
	for i := range cost {
		cost[i], _ = strconv.Atoi(m[i+1]) // digits, by the form
	}
	h.memory, h.time, h.threads = uint32(cost[0]), uint32(cost[1]), uint8(cost[2])
	if h.memory < 8*uint32(h.threads) || h.memory > 256<<10 || h.time > 10 || h.threads > 16 {
		return h, fmt.Errorf("the cost m=%d,t=%d,p=%d of the password is out of bounds", h.memory, h.time, h.threads)
	}
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(m[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return h, fmt.Errorf("the salt of the password is not 8 to 64 bytes of base64")
	}
	if h.key, err = base64.RawStdEncoding.Strict().DecodeString(m[5]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return h, fmt.Errorf("the hash of the password is not 16 to 64 bytes of base64")
	}
	return h, nil
}
