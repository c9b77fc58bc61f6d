package cmd

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
)

func configCommand(s streams) *cobra.Command {
	prints := func(use, short, long string, text func() ([]byte, error)) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
			data, err := text()
			if err == nil {
				_, err = s.out.Write(data)
			}
			return err
		}}
	}
	return group("config", "Check a site file, or print what helps to write one",
		checkCommand(s), showCommand(s),
		prints("example", "Print a site file that explains itself", "", func() ([]byte, error) { return siteExample, nil }),
		prints("schema", "Print the JSON Schema of the site file, for editors", `Print the JSON Schema (2020-12) of the site file.

Beside the site file, as site.schema.json, an editor with the YAML language server finds it by this first line of the
site file:  # yaml-language-server: $schema=site.schema.json`, s.own.schema),
		prints("docs", "Print a reference of the site file, in Markdown", "", func() ([]byte, error) { return []byte(s.own.reference()), nil }))
}

// checkCommand says whether a site file can be used.
func checkCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say whether a site file can be used, and everything that is wrong with it",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			site, err := s.own.readSite(args[0])
			if err != nil {
				return err
			}
			if _, err := site.outside(filepath.Dir(args[0])); err != nil { // it reads the files with their keys
				return err
			}
			channels, commands, tasks := 0, 0, 0
			for _, space := range site.Spaces {
				channels, commands, tasks = channels+len(space.Channels), commands+len(space.Commands), tasks+len(space.Tasks)
			}
			fmt.Fprintf(s.out, "%s: ok, version %d: spaces %d, channels %d, commands %d, tasks %d, backends %d, authenticators %d\n",
				args[0], site.Version, len(site.Spaces), channels, commands, tasks, len(site.Backends), len(site.Authenticators))
			if site.needsDev() {
				fmt.Fprintf(s.out, "%s: the dev authenticator can be served with --dev only\n", args[0])
			}
			return nil
		},
	}
}

// showCommand prints a site file as it is in force.
func showCommand(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Print a site file with all that it does not say: the defaults, and what presets stand for",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			site, err := s.own.readSite(args[0])
			if err != nil {
				return err
			}
			text, err := site.filled().yaml(s.own)
			if err == nil {
				_, err = s.out.Write(text)
			}
			return err
		},
	}
}
