package session

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// An Attempt is who tries to sign in, and from where: what failures are counted by.
type Attempt struct {
	Account string // as it was typed
	Address string // of the client
}

// The times of failed sign-ins, see Throttle.
const (
	failuresWindow = 15 * time.Minute // after so long without a failure they are forgotten
	firstWait      = 30 * time.Second
	longestWait    = 15 * time.Minute
)

// A tally is what is remembered of failures: of an account from an address, or of an address.
type tally struct {
	Count int       `json:"count"`
	Since time.Time `json:"since"`          // of the first
	Last  time.Time `json:"last"`           // of the last
	Until time.Time `json:"until,omitzero"` // nobody is let try before
}

// ofAccount counts a try of an account from an address as a failure, or says how long to wait. Each failure beyond the
// free ones doubles the wait.
func (t tally) ofAccount(now time.Time, free int) (tally, time.Duration) {
	if now.Sub(t.Last) >= failuresWindow && now.After(t.Until) || t.Last.Sub(now) > failuresWindow {
		t = tally{Since: now} // long ago, or counted by a clock that was wrong
	}
	if wait := t.Until.Sub(now); wait > 0 {
		return t, min(wait, longestWait)
	}
	t.Count++
	t.Last = now
	if over := t.Count - free; over >= 0 {
		t.Until = now.Add(min(firstWait<<min(over, 16), longestWait))
	}
	return t, 0
}

// ofAddress counts a try from an address, or says how long to wait.
func (t tally) ofAddress(now time.Time, perMinute int) (tally, time.Duration) {
	if age := now.Sub(t.Since); age >= time.Minute || age < -time.Minute {
		t = tally{Since: now}
	}
	if t.Count >= perMinute {
		return t, min(t.Since.Add(time.Minute).Sub(now), time.Minute)
	}
	t.Count++
	t.Last = now
	return t, 0
}

// A tallyKey is what a tally is kept under. The account is empty in that of an address.
type tallyKey struct {
	Account string `json:"account"`
	Address string `json:"address"`
}

// keysOf returns the keys of an attempt. Who has an IPv6 address has 2^64 of them.
func keysOf(a Attempt) (account, address tallyKey) {
	address.Address = a.Address
	if ip, err := netip.ParseAddr(a.Address); err == nil {
		ip = ip.Unmap().WithZone("")
		if ip.Is6() {
			net, _ := ip.Prefix(64) // 64 is in range
			ip = net.Addr()
		}
		address.Address = ip.String()
	}
	account = tallyKey{Account: spelling(a.Account), Address: address.Address}
	if account.Account == "" {
		account.Account = " " // that of nobody is still not the key of the address
	}
	return account, address
}

// spelling is what all spellings of an account have in common. A directory knows "Ann ", "ann" and "ⓐnn" as the same account
// (RFC 4518, section 2), and some do "ánn". Two accounts that are taken for one wait for each other, which is all.
func spelling(account string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Mn, unicode.Cf) {
			return -1
		}
		return r
	}, norm.NFKD.String(account))
	return strings.Join(strings.Fields(norm.NFKD.String(strings.ToLower(strings.ToUpper(plain)))), " ")
}

// String is the key in a KV: a hash, so that it has a form and a length that any KV takes, and a typed password in the
// place of a name is not kept.
func (k tallyKey) String() string {
	text, err := json.Marshal(k)
	if err != nil {
		panic(fmt.Sprintf("encoding two strings: %v", err)) // it cannot fail
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
