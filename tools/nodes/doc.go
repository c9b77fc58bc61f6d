// Package nodes is the tests of what many nodes promise together, on a real cluster: three hubs behind nginx, three NATS
// servers and a Redis, as processes that are killed, paused, cut off and restarted.
package nodes
