package bench

import "context"

// A scenario is something that many clients do.
type scenario struct {
	name    string
	what    string // for people
	per     string // what the processor time is divided by
	sizes   []int  // how many connections
	quick   int    // how many with --quick
	more    int    // connections beside those
	fixed   bool   // the size is the scenario's own
	flatOut bool   // as fast as it goes; the floor writes all that waits at once
	floor   bool   // it is compared with the floor
	fresh   bool   // each round has servers of its own
	log     bool   // values are appended to a log
	rooms   int    // connections in each room, if there are rooms
	checks  []check
	run     func(context.Context, *turn) error
}

// A check is a figure with its target.
type check struct {
	figure string
	of     func(hub, floor Turn) float64
	ratio  bool // of the two
	most   float64
	least  float64
	from   int // connections from which on the target is meant
}

var cpuOverFloor = func(hub, floor Turn) float64 { return over(hub.CPU, floor.CPU) }

// scenarios are all there are, in the order in which they are measured.
var scenarios = []scenario{
	{
		name: "idle", what: "connections that have joined a channel and are left alone", per: "connection and s", sizes: []int{10_000}, quick: 200, more: first + 1,
		floor: true, fresh: true,
		checks: []check{{figure: "KiB for each connection", of: func(hub, _ Turn) float64 { return hub.RSS }, most: 12, from: 10_000}}, run: idle,
	},
	{
		name: "fan-out", what: "one writer at a fixed rate, many readers", per: "delivery", sizes: []int{1000, 10_000}, quick: 200, more: 1, floor: true,
		checks: []check{{figure: "CPU over the floor", of: cpuOverFloor, ratio: true, most: 1.1}}, run: fanOut,
	},
	{
		name: "fan-out-max", what: "one writer flat out, many readers", per: "delivery", sizes: []int{1000, 10_000}, quick: 200, more: 1, floor: true, flatOut: true,
		checks: []check{{figure: "CPU over the floor", of: cpuOverFloor, ratio: true, most: 1.5}}, run: fanOut,
	},
}

// Names are the names of all scenarios.
func Names() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

func (s scenario) site(size int) site {
	if s.rooms == 0 {
		return site{}
	}
	return site{rooms: (size + s.rooms - 1) / s.rooms}
}
