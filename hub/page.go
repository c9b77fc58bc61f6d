package hub

import (
	"strconv"
	"strings"
	"time"
)

// PageInput asks for a page of a list.
type PageInput struct {
	Limit int    `query:"limit" minimum:"1" maximum:"1000000" doc:"How many. More than the hub gives at once counts as that, 100 if it was not configured, which is the default."`
	After string `query:"after" doc:"What comes after this one: the after of the page before." maxLength:"128"`
}

// pageLimit is how many a page has.
func (h *Hub) pageLimit(asked int) int {
	if most := h.options.Limits.Page; asked == 0 || asked > most {
		return most
	}
	return asked
}

// firstOf is at most so many of a list, and whether there are more.
func firstOf[T any](list []T, limit int) (first []T, more bool) {
	if len(list) > limit {
		return list[:limit], true
	}
	return list, false
}

// parseExpiry reads how long something is good for, or until when; "" is for ever, the zero time.
func parseExpiry(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d, notLong := parseLong(s)
		if notLong != nil {
			return at, invalid("expires is a duration, such as 12h or 90d, or a time, such as 2027-01-31T12:00:00Z")
		}
		at = now.Add(d)
	}
	at = at.UTC().Truncate(time.Second)
	switch {
	case !at.After(now):
		return at, invalid("expires has passed already")
	case at.Sub(now) > longest:
		return at, invalid("expires is in more than ten years: leave it out for a token that does not expire")
	}
	return at, nil
}

const (
	day     = 24 * time.Hour
	longest = 3660 * day
)

// parseLong reads a duration that may be in days.
func parseLong(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * day, err
	}
	return time.ParseDuration(s)
}
