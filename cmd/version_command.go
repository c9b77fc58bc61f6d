package cmd

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/frontend"
)

// version is set by the Makefile with -ldflags -X; a plain `go build` knows it from the module.
var version = ""

// build is what `baton version -o json` prints.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	UI       bool   `json:"ui"` // whether the web page was built in
}

func thisBuild() build {
	_, ui := frontend.Built()
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, UI: ui}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}

func versionCommand(s streams) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			switch output {
			case "text":
				_, err := fmt.Fprintf(s.out, "baton %s (%s, %s)\n", b.Version, b.Go, b.Platform)
				return err
			case "json":
				return json.NewEncoder(s.out).Encode(b)
			default:
				return usageError{fmt.Errorf("--output is text or json, not %q", output)}
			}
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return c
}
