package cmd

import (
	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/wire/asyncapi"
)

func docsCommand(s streams) *cobra.Command {
	return group("docs", "Print the description of an interface",
		printed(s, "openapi", "Print the OpenAPI 3.1 document of the HTTP API", hub.OpenAPI),
		printed(s, "asyncapi", "Print the AsyncAPI 3.0 document of the WebSocket protocol", asyncapi.Document),
		printed(s, "metrics", "Print the metrics that a hub tells Prometheus", metricsReference))
}

// printed is a command that prints what a hub of this version serves.
func printed(s streams, name, short string, of func(version string) ([]byte, error)) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := of(thisBuild().Version)
			if err != nil {
				return err
			}
			_, err = s.out.Write(text)
			return err
		},
	}
}
