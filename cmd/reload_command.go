package cmd

import (
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"
)

// reloadCommand sends SIGHUP, for images without a shell.
func reloadCommand() *cobra.Command {
	var pid int
	c := &cobra.Command{
		Use:   "reload",
		Short: "Make a running hub read its site file again",
		Long: `Make a running hub read its site file again: this sends it SIGHUP. For containers, whose image has no other program; the
hub is process 1 there. What came of it is in the log of the hub, and in /readyz.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := os.FindProcess(pid)
			if err != nil {
				return fmt.Errorf("looking for process %d: %w", pid, err)
			}
			if err := p.Signal(syscall.SIGHUP); err != nil {
				return fmt.Errorf("sending SIGHUP to process %d: %w", pid, err)
			}
			return nil
		},
	}
	c.Flags().IntVar(&pid, "pid", 1, "its process")
	return c
}
