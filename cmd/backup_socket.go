package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A hub with an embedded server has its data directory to itself, so nobody else can read a backup from there, or add a
// token. It answers for both on a socket in that directory instead. Who may read the directory may use the socket, and
// nobody else: that is why it is there and not on the admin listener, which asks nobody for a password, nor in the API,
// where everybody who signs in does so to one space.
const backupSocket = "backup.sock"

// maxSocketPath is how long the path of a socket may be on every system.
const maxSocketPath = 100

// prepareStore refuses a store in which a restore was interrupted, and makes backups of an embedded one possible.
func (n *node) prepareStore(ctx context.Context) error {
	if half, err := n.store.Restoring(ctx); err != nil || half {
		return errors.Join(err, halfRestored(half))
	}
	if n.options.NATS != "" {
		return nil // it can be read beside this node
	}
	stop, err := n.serveBackups()
	if err == nil {
		n.closing = append(n.closing, stop)
	}
	return err
}

// serveBackups answers on the socket until stop is called.
func (n *node) serveBackups() (stop func(), err error) {
	path := filepath.Join(n.options.Data, backupSocket)
	if len(path) > maxSocketPath {
		n.logger.Warn("the path of the data directory is too long for a socket: stop the hub to make a backup", "path", path)
		return func() {}, nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a process that was killed
		return nil, fmt.Errorf("making %s: %w", path, err)
	}
	listener, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", path, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backup", func(w http.ResponseWriter, r *http.Request) {
		both, end := context.WithCancel(r.Context())
		defer end()
		defer context.AfterFunc(ctx, end)()
		if err := writeBackup(both, n.store, w, n.jobs); err != nil {
			n.logger.Error("the backup failed", "error", err)
			panic(http.ErrAbortHandler) // so that the other side sees that it is not whole
		}
		n.logger.Info("backed up")
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		if local := n.local.Load(); local != nil {
			(*local).ServeHTTP(w, r)
			return
		}
		http.Error(w, "the hub is starting", http.StatusServiceUnavailable)
	})
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: mux}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.logger.Error("backups and tokens cannot be asked for any more", "error", err)
		}
	}()
	return func() { cancel(); _ = server.Close(); <-ended }, nil
}

// errNoHub says that no hub runs on a data directory.
var errNoHub = errors.New("no hub runs there")

// backupThrough asks the hub that runs on a data directory for a backup; errNoHub if none does.
func backupThrough(ctx context.Context, data string, w io.Writer) error {
	client := http.Client{Transport: throughSocket(data)}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://hub/backup", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(r)
	switch {
	case nobodyListens(err, data):
		return errNoHub
	case err != nil:
		return fmt.Errorf("asking the hub that runs on %s: %w", data, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(w, response.Body); err != nil {
		return fmt.Errorf("reading the backup from the hub that runs on %s: %w", data, err)
	}
	return nil
}

// throughSocket sends requests to the hub that runs on a data directory.
func throughSocket(data string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(data, backupSocket))
		},
		DisableKeepAlives: true,
	}
}

// nobodyListens reports whether a request failed because no hub runs on the data directory.
func nobodyListens(err error, data string) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) ||
		err != nil && len(filepath.Join(data, backupSocket)) > maxSocketPath
}
