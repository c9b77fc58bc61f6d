package hub

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/baton-hub/baton/channels"
)

// etag is the entity tag of a value: the cursor of its last change.
func etag(c channels.Cursor) string { return `"` + c.String() + `"` }

// defaultTag is the entity tag of a default, which no change made: it goes by what the default is, so it is another one
// once the site file says something else.
func defaultTag(value json.RawMessage) string {
	return `"default-` + contentTag(value)[1:]
}

// contentTag is an entity tag that goes by what something is.
func contentTag(data []byte) string {
	sum := sha256.Sum256(data)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// A condition is what If-Match or If-None-Match asks for; the zero value is that of a request without the header.
type condition struct {
	text string // as it came
	tags []string
	any  bool // *
}

// conditionOf reads a header. One that is there without a tag is refused: a client whose variable is empty must not
// change what it has not seen.
func conditionOf(head http.Header, name string) (c condition, err error) {
	lines, present := head[name]
	if !present {
		return c, nil
	}
	return readCondition(name, strings.Join(lines, ", "))
}

// readCondition reads the text of a header that is there.
func readCondition(name, text string) (c condition, err error) {
	c.text = text
	for tag := range strings.SplitSeq(c.text, ",") {
		tag = strings.TrimSpace(tag)
		strong := strings.TrimPrefix(tag, "W/") // the mark of a proxy that packs answers: no value has a weak one
		switch {
		case tag == "":
		case tag == "*":
			c.any = true
		case len(strong) >= 2 && strong[0] == '"' && strings.IndexByte(strong[1:], '"') == len(strong)-2:
			c.tags = append(c.tags, strong)
		default:
			return c, invalid(`%s: %.100q is no ETag: send it in its quotes, as it came, such as "a-1"`, name, tag)
		}
	}
	if c.any == (len(c.tags) > 0) {
		return c, invalid("%s is ETags in quotes, separated by commas, or * alone: to make no condition, leave it out", name)
	}
	return c, nil
}

// given reports whether the header is there.
func (c condition) given() bool { return c.any || len(c.tags) > 0 }

// names reports whether the header names a tag.
func (c condition) names(tag string) bool { return slices.Contains(c.tags, tag) }

// conditions are those of a change of one key.
type conditions struct{ match, none condition }

// conditionsOf reads the headers of a request.
func conditionsOf(head http.Header) (c conditions, err error) {
	if c.match, err = conditionOf(head, "If-Match"); err == nil {
		c.none, err = conditionOf(head, "If-None-Match")
	}
	return c, err
}

func (c conditions) given() bool { return c.match.given() || c.none.given() }

// readConditions reads the texts of the headers again; "" is a header that was not there.
func readConditions(match, none string) (c conditions, err error) {
	if match != "" {
		c.match, err = readCondition("If-Match", match)
	}
	if none != "" && err == nil {
		c.none, err = readCondition("If-None-Match", none)
	}
	return c, err
}

// hold reports whether a key is as its client wants it: there with a value of its own, or with a default, and its tag.
func (c conditions) hold(there bool, tag string) bool {
	if c.match.given() && !(c.match.any && there) && !c.match.names(tag) {
		return false
	}
	return !(c.none.any && there) && !c.none.names(tag)
}
