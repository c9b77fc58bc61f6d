package bench

import "context"

// A scenario is something that many clients do.
type scenario struct {
	name       string
	what       string  // for people
	per        string  // what the processor time is divided by
	sizes      []int   // how many connections
	quick      int     // how many with --quick
	more       int     // connections beside those
	fixed      bool    // the size is the scenario's own
	flatOut    bool    // as fast as it goes; the floor writes all that waits at once
	floor      bool    // it is compared with the floor
	fresh      bool    // each round has servers of its own
	log        bool    // values are appended to a log
	each       int     // readers of a value; 0: all connections
	rate       float64 // values a second, if it is the scenario's own
	leastBytes int     // of a value
	checks     []check
	run        func(context.Context, *turn) error
}

// A check is a figure, with its target if it has one.
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
		checks: []check{{figure: "KiB for each connection", of: func(hub, _ Turn) float64 { return hub.RSS }, most: 12, from: 5000}}, run: idle,
	},
	{
		name: "fan-out", what: "one writer at a fixed rate, many readers", per: "delivery", sizes: []int{1000, 10_000}, quick: 200, more: 1, floor: true,
		checks: []check{{figure: "CPU over the floor", of: cpuOverFloor, ratio: true, most: 1.1}}, run: fanOut,
	},
	{
		name: "fan-out-max", what: "one writer flat out, many readers", per: "delivery", sizes: []int{1000, 10_000}, quick: 200, more: 1, floor: true, flatOut: true,
		checks: []check{{figure: "CPU over the floor", of: cpuOverFloor, ratio: true, most: 1.5}}, run: fanOut,
	},
	{
		name: "rooms", what: "rooms of ten, in which everybody writes", per: "delivery", sizes: []int{1000}, quick: 200, each: inRoom, floor: true,
		checks: []check{{figure: "CPU over the floor", of: cpuOverFloor, ratio: true}}, run: rooms,
	},
	{
		name: "echo", what: "one connection that waits for its own change", per: "write", sizes: []int{1}, fixed: true, flatOut: true, floor: true,
		checks: []check{{figure: "p50 over the floor, which has no disk", of: p50OverFloor, ratio: true}}, run: echo,
	},
	{
		name: "writes", what: "writers that wait for each answer, and ten readers", per: "write", sizes: []int{1, 64}, quick: 64, more: watching, flatOut: true, floor: true,
		checks: []check{
			{figure: "writes/s, durable", of: func(hub, _ Turn) float64 { return hub.PerSecond }, least: 30_000, from: 64},
			{figure: "p50 over the floor, which has no disk", of: p50OverFloor, ratio: true},
		}, run: writes,
	},
	{
		name: "slow", what: "readers beside 50 that take nothing", per: "delivery", sizes: []int{20}, quick: 20, more: slowClients + 1, each: 50, leastBytes: slowBytes,
		checks: []check{
			{figure: "KiB for each slow client", of: func(hub, _ Turn) float64 { return hub.RSS }, most: 1200},
			{figure: "p99 of the others over that without slow ones", of: othersOverAlone},
		}, run: slow,
	},
	{
		name: "storm", what: "all connections cut, and back with their cursors", per: "connection", sizes: []int{5000}, quick: 200, more: 1, rate: 1, floor: true, log: true,
		checks: []check{{figure: "CPU over the floor", of: cpuOverFloor, ratio: true}}, run: storm,
	},
}

func p50OverFloor(hub, floor Turn) float64 {
	if hub.Latency == nil || floor.Latency == nil {
		return 0
	}
	return over(hub.Latency.P50, floor.Latency.P50)
}

func othersOverAlone(hub, _ Turn) float64 {
	if hub.Latency == nil {
		return 0
	}
	return over(hub.Others, hub.Latency.P99)
}

// Names are the names of all scenarios.
func Names() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

func (s scenario) site(size int) site {
	if s.each != inRoom {
		return site{}
	}
	return site{rooms: (size + inRoom - 1) / inRoom}
}
