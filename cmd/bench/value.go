package bench

import (
	"encoding/hex"
	"time"
)

// A stamp is what a value says of itself.
type stamp struct {
	at     time.Duration // when it was due, since the run began
	writer int
	n      uint64 // of the writer's values, from 1
}

// The least that a value has: two quotes, and the digits of its stamp.
const (
	atDigits     = 16
	writerDigits = 8
	nDigits      = 12
	leastBytes   = 2 + atDigits + writerDigits + nDigits
)

// appendValue appends a JSON string of so many bytes, quotes included.
func appendValue(dst []byte, s stamp, bytes int) []byte {
	dst = append(dst, '"')
	dst = appendHex(dst, uint64(s.at), atDigits)
	dst = appendHex(dst, uint64(s.writer), writerDigits)
	dst = appendHex(dst, s.n, nDigits)
	for range bytes - leastBytes {
		dst = append(dst, '.')
	}
	return append(dst, '"')
}

// readStamp reads the stamp of a value; false for one that has none.
func readStamp(value []byte) (s stamp, ok bool) {
	if len(value) < leastBytes || value[0] != '"' {
		return s, false
	}
	at, ok1 := readHex(value[1 : 1+atDigits])
	writer, ok2 := readHex(value[1+atDigits : 1+atDigits+writerDigits])
	n, ok3 := readHex(value[1+atDigits+writerDigits : leastBytes-1])
	return stamp{time.Duration(at), int(writer), n}, ok1 && ok2 && ok3
}

func appendHex(dst []byte, n uint64, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[n>>shift&0xf])
	}
	return dst
}

func readHex(digits []byte) (uint64, bool) {
	var n [8]byte
	if len(digits) > 16 {
		return 0, false
	}
	if _, err := hex.Decode(n[8-len(digits)/2:], digits); err != nil {
		return 0, false
	}
	number := uint64(0)
	for _, b := range n {
		number = number<<8 | uint64(b)
	}
	return number, true
}
