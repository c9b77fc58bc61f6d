package hub

// A lull is the time after many have come. What handshakes and first joins leave behind is several times what stays of
// them, and on a node that is quiet then, nothing takes that memory away for minutes: a pod would be measured by it.
type lull struct {
	seen uint64 // connections that have come, when it last looked
	came uint64 // of them, since memory was given back
}

// A node gives memory back when so many have come, and then, between two looks, hardly anybody.
const (
	manyCame   = 500
	hardlyCame = 5
)

// over reports whether many have come and it is quiet now; it is asked once a second. total is how many have come since the
// start.
func (l *lull) over(total uint64) bool {
	came := total - l.seen
	l.seen, l.came = total, l.came+came
	if came > hardlyCame || l.came < manyCame {
		return false
	}
	l.came = 0
	return true
}
