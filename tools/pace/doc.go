// Package pace is the benchmarks of many nodes: how long a write takes until every tab of every node shows it, and how many
// writes a second a space takes. They run on a real cluster, three hubs, three NATS servers that keep everything three times
// and sync always, and a Redis, each a process, and in turns with what NATS takes by itself. All clients are in the process of
// the benchmark, so there is one clock. Nothing is taken on trust: each tab holds every write against the one before, and in
// the end all nodes have to say the same.
//
// `make bench` runs them; a small one is in `make test`, so that they go on working.
package pace
