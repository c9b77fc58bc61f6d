// Package nemesis breaks a world by a schedule that a seed makes, and makes each thing whole again.
package nemesis

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Step is one fault: what is done, to whom, and for how long.
type Step struct {
	Kind   string
	Target string        // the part, where there is one
	Other  string        // the other end of what is cut
	For    time.Duration // until it is made whole again
	Gap    time.Duration // after it
	Beside bool          // the next steps are done while it lasts
	Choice uint64        // for what else is to be chosen
}

// String is for people.
func (s Step) String() string {
	text := s.Kind
	if s.Target != "" {
		text += " " + s.Target
	}
	if s.Other != "" {
		text += " and " + s.Other
	}
	text = fmt.Sprintf("%s for %v", text, s.For.Round(10*time.Millisecond))
	if s.Beside {
		text += ", and meanwhile"
	}
	return text
}

// A kind of fault.
type kind struct {
	name    string
	targets []string
	others  []string
	longest time.Duration // that it lasts
	disks   bool          // only where there are disks
	links   bool          // it makes links bad, and nothing else
	act     func(b *breaker, s Step) error
}

var (
	hubs    = []string{"hub-1", "hub-2", "hub-3"}
	servers = []string{"nats-1", "nats-2", "nats-3"}
	redis   = []string{"redis"}
)

// kinds are all that there are. What a step does until its time is up is in breaker.go.
func kinds() []kind {
	return []kind{
		{name: "kill", targets: hubs, longest: 4 * time.Second, act: (*breaker).kill},
		{name: "pause", targets: hubs, longest: 20 * time.Second, act: (*breaker).pause},
		{name: "restart", targets: hubs, longest: time.Second, act: (*breaker).restart},
		{name: "kill all hubs", longest: 2 * time.Second, act: (*breaker).killHubs},
		{name: "kill server", targets: servers, longest: 8 * time.Second, act: (*breaker).kill},
		{name: "pause server", targets: servers, longest: 15 * time.Second, act: (*breaker).pause},
		{name: "restart server", targets: servers, longest: time.Second, act: (*breaker).restart},
		{name: "kill all servers", longest: 2 * time.Second, act: (*breaker).killServers},
		{name: "cut hub off", targets: hubs, longest: 20 * time.Second, links: true, act: (*breaker).cutOff},
		{name: "drop one way", targets: hubs, longest: 10 * time.Second, links: true, act: (*breaker).oneWay},
		{name: "cut servers", targets: servers, others: servers, longest: 10 * time.Second, links: true, act: (*breaker).cutServers},
		{name: "isolate server", targets: servers, longest: 12 * time.Second, links: true, act: (*breaker).isolate},
		{name: "drop between servers", targets: servers, longest: 8 * time.Second, links: true, act: (*breaker).serversOneWay},
		{name: "slow", targets: hubs, longest: 8 * time.Second, links: true, act: (*breaker).slow},
		{name: "reset", targets: hubs, longest: 3 * time.Second, links: true, act: (*breaker).reset},
		{name: "cut from Redis", targets: hubs, longest: 8 * time.Second, links: true, act: (*breaker).cutRedis},
		{name: "pause Redis", targets: redis, longest: 6 * time.Second, act: (*breaker).pause},
		{name: "kill Redis", targets: redis, longest: 4 * time.Second, act: (*breaker).kill},
		{name: "Redis loses writes", targets: redis, longest: 2 * time.Second, act: (*breaker).redisLoses},
		{name: "empty Redis", targets: redis, longest: time.Second, act: (*breaker).redisEmpty},
		{name: "fill disk", targets: servers, longest: 8 * time.Second, disks: true, act: (*breaker).fill},
		{name: "power cut", longest: time.Second, disks: true, act: (*breaker).powerCut},
	}
}

// Kinds are the names of what can be done. Without disks that is less.
func Kinds(disks bool) (names []string) {
	for _, k := range kinds() {
		if disks || !k.disks {
			names = append(names, k.name)
		}
	}
	return names
}

// Schedule makes steps of the kinds, each once in a random order, and again, until their times add up to total; at least
// one round, if total is not 0. Longest, if it is not 0, bounds each.
func Schedule(random *rand.Rand, names []string, total, longest time.Duration) (steps []Step) {
	byName := map[string]kind{}
	for _, k := range kinds() {
		byName[k.name] = k
	}
	spent := time.Duration(0)
	for spent < total {
		for _, i := range random.Perm(len(names)) {
			k, ok := byName[names[i]]
			if !ok {
				continue
			}
			s := k.step(random, longest)
			steps = append(steps, s)
			spent += s.For + s.Gap
		}
	}
	return steps
}

func (k kind) step(random *rand.Rand, longest time.Duration) Step {
	most := k.longest
	if longest > 0 {
		most = min(most, longest)
	}
	s := Step{Kind: k.name, Choice: random.Uint64()}
	// Rather short than long: most of what goes wrong does so at the beginning and at the end.
	part := random.Float64()
	s.For = most/8 + time.Duration(part*part*float64(most-most/8))
	s.Gap = time.Duration(random.Int64N(int64(2 * time.Second)))
	if longest > 0 {
		s.Gap /= 4
	}
	if len(k.targets) > 0 {
		s.Target = k.targets[random.IntN(len(k.targets))]
	}
	// What happens to parts while links are bad is worth more than either alone.
	s.Beside = k.links && random.IntN(2) == 0
	for len(k.others) > 0 && (s.Other == "" || s.Other == s.Target) {
		s.Other = k.others[random.IntN(len(k.others))]
	}
	return s
}
