package cmd

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// used is a hub after some use: alice is in control, and has written and said something.
type used struct {
	alice  *hubtest.Browser
	term   uint64
	cursor string
	values map[string]wire.Value
	said   []wire.LogMessage
}

func use(t *testing.T, url string) used {
	t.Helper()
	u := used{alice: hubtest.NewBrowser(t)}
	u.alice.SignIn(url, "demo", "alice")
	tab := u.alice.Open(url, "alice-tab")
	var controlled wire.Controlled
	tab.Do(map[string]any{"type": "control", "do": "request"}, "controlled", &controlled)
	u.term = controlled.Term
	for n := range 20 {
		tab.Do(map[string]any{
			"type": "write", "channel": "samples", "term": u.term, "set": map[string]any{fmt.Sprint("s", n%7): n},
		}, "written", nil)
		tab.Do(map[string]any{"type": "append", "channel": "chat", "data": fmt.Sprint("line ", n)}, "appended", nil)
	}
	u.look(tab)
	return u
}

// look notes what a tab sees.
func (u *used) look(tab *hubtest.Tab) {
	var samples, chat wire.Joined
	tab.Do(map[string]any{"type": "join", "channel": "samples"}, "joined", &samples)
	tab.Do(map[string]any{"type": "join", "channel": "chat"}, "joined", &chat)
	u.values, u.said, u.cursor = samples.Values, chat.Messages, chat.Cursor
}

// wantRestored looks at a hub that was restored to what u saw.
func (u used) wantRestored(t *testing.T, url string) {
	t.Helper()
	for _, cookie := range u.alice.Cookies(url) {
		if cookie.Value == "" {
			t.Fatal("alice has lost her cookie")
		}
	}
	tab := u.alice.Open(url, "alice-later") // by her cookie, without signing in
	if op := tab.Welcome.Control.Operator; op == nil || op.User != "alice" || tab.Welcome.Control.Term != u.term {
		t.Errorf("the seat is %+v, and was alice's under term %d", tab.Welcome.Control, u.term)
	}
	var back wire.Joined
	tab.Do(map[string]any{"type": "join", "channel": "equipment", "cursor": u.cursor}, "joined", &back)
	if back.Mode != wire.Snapshot || back.Reason != wire.ReasonEpoch {
		t.Errorf("with a cursor of before one gets %s because of %q", back.Mode, back.Reason)
	}
	before := u
	u.look(tab)
	if fmt.Sprint(u.values) != fmt.Sprint(before.values) || len(u.values) != 7 {
		t.Errorf("the values are %v, and were %v", u.values, before.values)
	}
	if fmt.Sprint(u.said) != fmt.Sprint(before.said) || len(u.said) != 20 {
		t.Errorf("the messages are %v, and were %v", u.said, before.said)
	}
	var written wire.Written
	tab.Do(map[string]any{"type": "write", "channel": "samples", "term": u.term, "set": map[string]any{"new": 1}}, "written", &written)
	var last uint64
	for _, m := range before.said {
		last = max(last, m.Position)
	}
	if written.Position <= last {
		t.Errorf("a new write is at %d, and the last message at %d", written.Position, last)
	}
}

func mustRun(t *testing.T, args ...string) result {
	t.Helper()
	got := baton(t, nil, "", args...)
	if got.code != 0 {
		t.Fatalf("baton %v exited with %d: %s", args, got.code, got.errors)
	}
	return got
}

func TestABackupOfAHubWithItsServerEmbeddedIsTakenWhileItRunsAndRestoredElsewhere(t *testing.T) {
	t.Parallel()
	data := shortDir(t)
	p := startBaton(t, "--demo=false", "--data", data)
	u := use(t, p.url)
	running, stopped := filepath.Join(t.TempDir(), "running"), filepath.Join(t.TempDir(), "stopped")
	mustRun(t, "backup", "--data", data, "-o", running)
	if got := baton(t, nil, "", "restore", running, "--data", data); got.code == 0 || !strings.Contains(got.errors, "in use") {
		t.Errorf("restoring under a hub that runs: %d, %s", got.code, got.errors)
	}
	p.stop()
	mustRun(t, "backup", "--data", data, "-o", stopped)
	for _, file := range []string{running, stopped} {
		elsewhere := filepath.Join(shortDir(t), "data")
		if got := mustRun(t, "restore", file, "--data", elsewhere, "--keep-sessions"); !strings.Contains(got.out, "1 spaces") {
			t.Errorf("it said %s", got.out)
		}
		p.args[len(p.args)-1] = elsewhere // at the same address, for the cookie
		p.start()
		u.wantRestored(t, p.url)
		p.stop()
	}
}

// shortDir is a directory whose path is short enough for a socket.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "baton")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestABackupOfAnExternalNATSIsTakenBesideTheHubAndReplacesWhatIsThere(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	p := startBaton(t, "--demo=false", "--data", t.TempDir(), "--nats", server.URL)
	u := use(t, p.url)
	file := filepath.Join(t.TempDir(), "backup")
	mustRun(t, "backup", "--nats", server.URL, "-o", file)
	tab := u.alice.Open(p.url, "alice-too-late")
	tab.Do(map[string]any{"type": "write", "channel": "samples", "term": u.term, "set": map[string]any{"late": 1}}, "written", nil)
	if got := baton(t, nil, "", "restore", file, "--nats", server.URL, "--replace"); got.code != 1 || !strings.Contains(got.errors, "stop every hub") {
		t.Errorf("under a hub that runs: %d, %s", got.code, got.errors)
	}
	p.stop()
	if got := baton(t, nil, "", "restore", file, "--nats", server.URL); got.code != 2 || !strings.Contains(got.errors, "--replace") {
		t.Errorf("over what is there: %d, %s", got.code, got.errors)
	}
	mustRun(t, "restore", file, "--nats", server.URL, "--replace", "--keep-sessions")
	p.start()
	u.wantRestored(t, p.url)
	p.stop()

	// Somebody who signed out after the backup must not be signed in by it.
	got := mustRun(t, "restore", file, "--nats", server.URL, "--replace")
	if !strings.Contains(got.out, "everybody is signed out") || !strings.Contains(got.out, "revoke again") {
		t.Errorf("it said %s", got.out)
	}
	p.start()
	if code, answer := u.alice.Do(http.MethodGet, p.url+"/api/v1/spaces/demo", nil, nil); code != http.StatusUnauthorized {
		t.Errorf("alice's cookie of before the backup still works: %d %s", code, answer)
	}
	sam := hubtest.NewBrowser(t)
	sam.SignIn(p.url, "demo", "sam")
	if seat := sam.Open(p.url, "sam-tab").Welcome.Control; seat.Operator != nil {
		t.Errorf("%+v is in control and signed out", seat.Operator)
	}
}

// small is a backup of a store with one space.
func small(t *testing.T) []byte {
	t.Helper()
	store := natstest.Embedded(t)
	fillSpace(t, store, "lab", 3_000)
	var b bytes.Buffer
	if err := writeBackup(t.Context(), store, &b, quietJobs()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func quietJobs() *jobs { return newJobs(io.Discard, slog.New(slog.DiscardHandler)) }

func fillSpace(t *testing.T, store *natslog.Store, name string, keys int) {
	t.Helper()
	o, err := spaceOptions(t.Context(), store, name)
	if err != nil {
		t.Fatal(err)
	}
	o.Authority = nobodyAsks{}
	s, err := channels.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for from := 0; from < keys; from += 500 {
		outcome := s.House(t.Context(), func(d *channels.Draft) (any, error) {
			for n := from; n < from+500; n++ {
				d.Set(channels.Ref{Channel: "data", Key: fmt.Sprint("key", n)}, strings.Repeat("value ", 60))
			}
			return nil, nil
		})
		if outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
	}
}

type nobodyAsks struct{}

func (nobodyAsks) Identify(channels.View, string) (channels.Who, error) {
	return channels.Who{}, errors.New("nobody")
}
func (nobodyAsks) Fence(channels.View, channels.Who, uint64) error { return errors.New("nobody") }

func TestABackupIsATarThatStandardToolsCanCheck(t *testing.T) {
	zip, err := gzip.NewReader(bytes.NewReader(small(t)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(zip); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, head.Name)
	}
	if want := "[about.json spaces/lab/000001.ndjson spaces/lab/000002.ndjson SHA256SUMS]"; fmt.Sprint(names) != want {
		t.Errorf("it has %v, want %s", names, want)
	}
}

// repacked is a backup with other files in it.
func repacked(t *testing.T, backup []byte, change func(name string, data []byte) (keep bool, as string, with []byte)) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out := newArchive(&b)
	for r := tar.NewReader(zip); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		data, readErr := io.ReadAll(r)
		if err != nil || readErr != nil {
			t.Fatal(err, readErr)
		}
		if keep, name, data := change(head.Name, data); keep {
			if err := out.add(name, data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(out.tar.Close(), out.zip.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestADamagedBackupIsRefusedBeforeAnythingIsChanged(t *testing.T) {
	whole := small(t)
	damaged := map[string][]byte{
		"empty":      nil,
		"not a gzip": []byte("hello"),
		"a part is gone": repacked(t, whole, func(name string, data []byte) (bool, string, []byte) {
			return name != "spaces/lab/000002.ndjson", name, data
		}),
		"a value was changed": repacked(t, whole, func(name string, data []byte) (bool, string, []byte) {
			return true, name, bytes.Replace(data, []byte(`"value value`), []byte(`"vague value`), 1)
		}),
		"no sums": repacked(t, whole, func(name string, data []byte) (bool, string, []byte) { return name != sumsName, name, data }),
		"something else is in it": repacked(t, whole, func(name string, data []byte) (bool, string, []byte) {
			return true, strings.Replace(name, "spaces/lab/000002.ndjson", "../../etc/passwd", 1), data
		}),
		"a newer format": repacked(t, whole, func(name string, data []byte) (bool, string, []byte) {
			return true, name, bytes.Replace(data, []byte(`"backup": 1`), []byte(`"backup": 9`), 1)
		}),
	}
	for cut := len(whole) / 10; cut < len(whole); cut += len(whole) / 10 {
		damaged[fmt.Sprint("cut off at ", cut)] = whole[:cut]
	}
	damaged["without its last byte"] = whole[:len(whole)-1]
	for at := 20; at < len(whole); at += len(whole) / 20 {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x10
		damaged[fmt.Sprint("a bit turned at ", at)] = flipped
	}
	store := natstest.Embedded(t)
	fillSpace(t, store, "before", 500)
	for what, backup := range damaged {
		if _, err := restore(t.Context(), store, bytes.NewReader(backup), restoreHow{replace: true}, quietJobs()); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if spaces, err := store.Spaces(t.Context()); err != nil || fmt.Sprint(spaces) != "[before]" {
		t.Errorf("then there are %v, %v", spaces, err)
	}
	if _, err := restore(t.Context(), store, bytes.NewReader(whole), restoreHow{replace: true}, quietJobs()); err != nil {
		t.Errorf("and the whole one: %v", err)
	}
}

func TestAHubDoesNotServeWhatWasRestoredByHalf(t *testing.T) {
	data := t.TempDir()
	store, err := natslog.Embed(t.Context(), natslog.EmbedOptions{Dir: filepath.Join(data, "nats"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.BeginRestore(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.Close()
	for _, args := range [][]string{
		{"serve", "--dev", "--listen", "127.0.0.1:0", "--admin", "", "--data", data},
		{"backup", "--data", data, "-o", "-"},
	} {
		if got := baton(t, nil, "", args...); got.code != 78 || !strings.Contains(got.errors, "restore --replace") {
			t.Errorf("baton %v exited with %d: %s", args, got.code, got.errors)
		}
	}
}
