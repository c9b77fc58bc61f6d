package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/baton-hub/baton/cmd/bench"
)

// secret is what the tokens of the clients are signed with, on this machine and for as long as the run takes.
const secret = "of no value"

// configuration is what differs from what Centrifugo does by itself: one node in memory, a signed token for each client, who
// may subscribe and publish, history, and recovery of what a client has missed. It keeps no presence, which Baton always does.
func configuration(port int) map[string]any {
	return map[string]any{
		"http_server": map[string]any{"address": "127.0.0.1", "port": port},
		"websocket":   map[string]any{"write_timeout": "10s"}, // as Baton; one second ends connections on a machine that is busy
		"client":      map[string]any{"token": map[string]any{"hmac_secret_key": secret}, "allowed_origins": []string{"*"}},
		"channel": map[string]any{"without_namespace": map[string]any{
			"history_size": 10_000, "history_ttl": "10m", "force_recovery": true,
			"allow_subscribe_for_client": true, "allow_publish_for_client": true,
		}},
	}
}

// token is a JWT for a client.
func token(user string) string {
	encode := base64.RawURLEncoding.EncodeToString
	claims, _ := json.Marshal(map[string]any{"sub": user, "exp": time.Now().Add(24 * time.Hour).Unix()})
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

// startTime is how long it may take until Centrifugo serves.
const startTime = 30 * time.Second

// start starts Centrifugo on a free port. What it logs goes to standard error if it does not serve.
func start(ctx context.Context, program string) (*bench.Started, error) {
	dir, err := os.MkdirTemp("", "baton-rivals-")
	if err != nil {
		return nil, err
	}
	remove := func() { _ = os.RemoveAll(dir) }
	port, err := freePort(ctx)
	if err != nil {
		remove()
		return nil, err
	}
	data, err := json.Marshal(configuration(port))
	file := filepath.Join(dir, "centrifugo.json")
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		remove()
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		remove()
		return nil, err
	}
	defer log.Close()
	c := exec.Command(program, "--config", file)
	c.Stdout, c.Stderr, c.SysProcAttr = log, log, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		remove()
		return nil, err
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = c.Wait() }()
	stop := func() {
		_ = c.Process.Kill() // it may have ended
		<-ended
		remove()
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	if err := serves(ctx, address, ended); err != nil {
		said, _ := os.ReadFile(log.Name())
		stop()
		return nil, fmt.Errorf("%w; its log: %s", err, said)
	}
	return &bench.Started{URL: "http://" + address, PID: c.Process.Pid, Stop: stop}, nil
}

// freePort is one that nobody listens on at the moment.
func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// serves waits until somebody listens.
func serves(ctx context.Context, address string, ended <-chan struct{}) error {
	tick, over := time.NewTicker(50*time.Millisecond), time.After(startTime)
	defer tick.Stop()
	for {
		if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address); err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-ended:
			return fmt.Errorf("it has ended")
		case <-over:
			return fmt.Errorf("it does not serve after %v", startTime)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
