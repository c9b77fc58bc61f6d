package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

// demoOptions are the flags of `baton demo`.
type demoOptions struct {
	URL   string
	Token string
}

func demoCommand(s streams) *cobra.Command {
	var o demoOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run the simulated beamline against a hub",
		Long: `Run the simulated beamline against a hub, as any service would: with a token of the demo space. 'baton serve --dev'
starts it by itself.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Token == "" {
				return usageError{fmt.Errorf("demo needs a service token: BATON_TOKEN, BATON_TOKEN_FILE or --token")}
			}
			if err := checkURL("--url", o.URL, "http", "https"); err != nil {
				return usageError{err}
			}
			return demo(c.Context(), o, newLogger(s.err))
		},
	}
	c.Flags().StringVar(&o.URL, "url", "http://127.0.0.1:8080", "address of the hub")
	c.Flags().StringVar(&o.Token, "token", "", "service token; better given as BATON_TOKEN, others on this machine see a command line")
	return c
}
