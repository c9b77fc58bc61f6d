package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/channels/natslog"
)

// storeFlags say which hub's data is meant.
type storeFlags struct {
	Data string // folder of the embedded server
	NATS string // URL of an external one; goes before Data
}

func (f *storeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.Data, "data", "data", "folder of the embedded server, as 'baton serve' has it")
	c.Flags().StringVar(&f.NATS, "nats", "", "URL of an external NATS, instead of a folder")
}

// open reaches the store. An embedded one must not be in use; make says whether it may be a new one.
func (f *storeFlags) open(ctx context.Context, make bool, s streams) (*natslog.Store, error) {
	logger := newLogger(s.err)
	if f.NATS != "" {
		ctx, cancel := context.WithTimeout(ctx, startTime)
		defer cancel()
		store, err := natslog.Connect(ctx, natslog.ConnectOptions{URL: f.NATS, Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("connecting to %s: %w", redacted(f.NATS), err)
		}
		return store, nil
	}
	dir := filepath.Join(f.Data, "nats")
	if _, err := os.Stat(dir); err != nil && !make {
		return nil, configError{fmt.Errorf("there is no data of a hub in %s: name its folder with --data, or its NATS with --nats", f.Data)}
	}
	store, err := natslog.Embed(ctx, natslog.EmbedOptions{Dir: dir, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", f.Data, err)
	}
	return store, nil
}

func backupCommand(s streams) *cobra.Command {
	var from storeFlags
	var output string
	c := &cobra.Command{
		Use:   "backup -o FILE",
		Short: "Write everything that a hub keeps into one file",
		Long: `Write everything that a hub keeps into one file, a gzipped tar with checksums: of every space its state with positions,
authors and times, who is signed in, tokens (hashed), rules and journal. The file is as confidential as the data itself.

The hub may go on running. If it has its server embedded, its data directory is locked; then the backup comes through the
hub, over a socket in that directory (backup.sock, for the owner of the hub's process only). With --nats it is read
from there, beside the hubs. Values of live stores, what a backend keeps elsewhere, and login sessions in Redis are not in it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if output == "" {
				return usageError{errors.New("say where to write the backup: -o FILE, or -o - for standard output")}
			}
			if err := checkURL("--nats", from.NATS, "nats", "tls", "ws", "wss"); err != nil {
				return usageError{err}
			}
			return toFile(output, s, func(w io.Writer) error { return backup(c.Context(), from, w, s) })
		},
	}
	from.add(c)
	c.Flags().StringVarP(&output, "output", "o", "", "the file to write, - for standard output")
	return c
}

// backup writes a backup through the hub that runs, or from what is there.
func backup(ctx context.Context, from storeFlags, w io.Writer, s streams) error {
	j := newJobs(s.err, newLogger(s.err))
	if from.NATS == "" {
		job := j.begin("backup", "").ofBytes()
		n := 0
		err := backupThrough(ctx, from.Data, &countingWriter{w, func(bytes int) { n += bytes; job.Moved(n, 0) }})
		if !errors.Is(err, errNoHub) {
			job.Ended(err)
			return err
		}
	}
	store, err := from.open(ctx, false, s)
	if err != nil {
		return err
	}
	defer store.Close()
	return writeBackup(ctx, store, w, j)
}

// toFile calls write with a new file, which takes its name only when it is whole; "-" is standard output.
func toFile(path string, s streams, write func(io.Writer) error) (err error) {
	if path == "-" {
		return write(s.out)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}

// A countingWriter tells how many bytes were written.
type countingWriter struct {
	io.Writer
	tell func(bytes int)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.tell(n)
	return n, err
}

func restoreCommand(s streams) *cobra.Command {
	var to storeFlags
	var how restoreHow
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup back",
		Long: `Put a backup back, into a place where nothing is, or with --replace instead of what is there. No hub may be running on it.
The file is read and checked to its end before anything is changed.

Positions, authors and times are what they were. Each space begins a new epoch: tabs and programs that come back with a
cursor of before get everything anew. Everybody has to sign in again, since nobody can tell who signed out after the backup;
--keep-sessions leaves them signed in, and the operator in control: for a disaster right after it.

Tokens are those of the backup. One that was revoked after it works again: revoke it once more, before a hub is started for
others, and make those anew that were minted since.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkURL("--nats", to.NATS, "nats", "tls", "ws", "wss"); err != nil {
				return usageError{err}
			}
			f, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("reading the backup: %w", err)
			}
			defer f.Close()
			store, err := to.open(c.Context(), true, s)
			if err != nil {
				return err
			}
			defer store.Close()
			about, err := restore(c.Context(), store, f, how, newJobs(s.err, newLogger(s.err)))
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "restored what was backed up at %s: %d spaces\n", about.At.Format(time.RFC3339), len(about.Spaces))
			if how.keep {
				fmt.Fprintln(s.out, "who was signed in then still is, also whoever has signed out since")
			} else {
				fmt.Fprintln(s.out, "everybody is signed out, and has to sign in again")
			}
			fmt.Fprintln(s.out, "tokens are those of then: revoke again what was revoked since")
			return nil
		},
	}
	to.add(c)
	c.Flags().BoolVar(&how.replace, "replace", false, "remove what is there first")
	c.Flags().BoolVar(&how.keep, "keep-sessions", false, "who was signed in at the backup still is, though they may have signed out since")
	return c
}
