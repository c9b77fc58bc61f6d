package cmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTime is how long a node may take to say how it is.
const healthTime = 3 * time.Second

// healthcheckCommand asks a node how it is, for images without a shell.
func healthcheckCommand(s streams) *cobra.Command {
	var base string
	var ready bool
	c := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running hub whether it is alive; exit code 0 if it is",
		Long: `Ask a running hub whether it is alive, or with --ready whether it should get clients. The exit code is 0 if so and 1 if
not, with what is missing. For containers, whose image has no other program.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkURL("--url", base, "http", "https"); err != nil {
				return usageError{err}
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			return askHealth(c.Context(), strings.TrimSuffix(base, "/")+path, s.out)
		},
	}
	c.Flags().StringVar(&base, "url", "http://127.0.0.1:8080", "address of the hub")
	c.Flags().BoolVar(&ready, "ready", false, "ask whether it should get clients, too")
	return c
}

func askHealth(ctx context.Context, url string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("reading what %s says: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d: %s", url, response.StatusCode, strings.TrimSpace(string(said)))
	}
	_, err = out.Write(said)
	return err
}
