// Command baton is the hub, its demo beamline and its tools in one binary: package cmd without additions.
package main

import "github.com/baton-hub/baton/cmd"

func main() { cmd.Main(cmd.Options{}) }
