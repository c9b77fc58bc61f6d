package natslog

import (
	"fmt"
	"strings"
)

const (
	maxStreamName = 255  // of the server, and of a file name
	maxSubject    = 2048 // over 4 KiB the server closes the connection for good
)

// token turns any text into one token of a subject, different texts into different ones. NATS gives a meaning to some
// bytes, and accepts and stores wildcards as if they were plain: those are written as %XX.
func token(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c == 0x7f || strings.IndexByte(`.*>%/\`, c) >= 0 || (i == 0 && c == '$') {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// untoken is the inverse of token.
func untoken(t string) (string, error) {
	if t == "%" {
		return "", nil
	}
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if t[i] != '%' {
			b.WriteByte(t[i])
			continue
		}
		var c byte
		if len(t) < i+3 {
			return "", fmt.Errorf("the name %q is cut off", t)
		}
		if _, err := fmt.Sscanf(t[i+1:i+3], "%02X", &c); err != nil {
			return "", fmt.Errorf("reading the name %q: %w", t, err)
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String(), nil
}

// subject joins names to a subject; the first one is our own and stays as it is.
func subject(root string, names ...string) (string, error) {
	var b strings.Builder
	b.WriteString(root)
	for _, n := range names {
		b.WriteByte('.')
		b.WriteString(token(n))
	}
	if b.Len() > maxSubject {
		return "", fmt.Errorf("the name %.40q… is too long for NATS", strings.Join(names, " "))
	}
	return b.String(), nil
}

// streamName returns the name of a stream for something with a name of its own.
func streamName(prefix, name string) (string, error) {
	s := prefix + token(name)
	if len(s) > maxStreamName {
		return "", fmt.Errorf("the name %.40q… is too long for NATS: a dot counts as three", name)
	}
	return s, nil
}
