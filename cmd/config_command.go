package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

func configCommand(s streams) *cobra.Command {
	check := &cobra.Command{
		Use:   "check FILE",
		Short: "Say whether a site file can be used, and everything that is wrong with it",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			site, err := s.own.readSite(args[0])
			if err != nil {
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
	example := &cobra.Command{
		Use:   "example",
		Short: "Print a site file that explains itself",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := s.out.Write(siteExample)
			return err
		},
	}
	return group("config", "Check a site file, or print an example", check, example)
}
