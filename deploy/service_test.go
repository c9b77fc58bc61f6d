package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// unit reads a unit file: the values of each key, in order.
func unit(t *testing.T, text string) map[string][]string {
	t.Helper()
	values, section := map[string][]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		key, value, pair := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]") + "."
		case !pair || section == "":
			t.Errorf("%q is neither a section nor a setting of one", line)
		default:
			values[section+key] = append(values[section+key], value)
		}
	}
	return values
}

func TestTheUnitDrainsReloadsAndIsLockedIn(t *testing.T) {
	u := unit(t, read(t, "baton.service"))
	for key, want := range map[string]string{
		"Service.DynamicUser": "yes", "Service.StateDirectory": "baton", "Service.ProtectSystem": "strict", "Service.ProtectHome": "yes",
		"Service.NoNewPrivileges": "yes", "Service.CapabilityBoundingSet": "", "Service.Restart": "on-failure",
		"Service.RestartPreventExitStatus": "2 78", "Service.ExecReload": "/bin/kill -HUP $MAINPID", "Service.KillSignal": "SIGTERM",
	} {
		if got := u[key]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, not %s", key, got, want)
		}
	}
	if stop, err := time.ParseDuration(u["Service.TimeoutStopSec"][0] + "s"); err != nil || stop <= drain {
		t.Errorf("it is killed after %v, %v: the drain takes up to %v", stop, err, drain)
	}
	words := strings.Fields(u["Service.ExecStart"][0])
	help := run(t, baton, words[1], "--help")
	for _, word := range words[2:] {
		if strings.HasPrefix(word, "--") && !strings.Contains(help, word+" ") {
			t.Errorf("%s has no flag %s", words[1], word)
		}
	}
}

// drain is how long a node takes at most to end in order.
const drain = 25 * time.Second

func TestSystemdTakesTheUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Log("systemd is not here: its own parser has not seen the unit")
		return
	}
	file := filepath.Join(t.TempDir(), "baton.service")
	text := strings.Replace(read(t, "baton.service"), "/usr/local/bin/baton", baton, 1) // what it starts has to be there
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// It says what it does not know and goes on.
	if said := run(t, "systemd-analyze", "verify", "--man=no", file); strings.Contains(said, "baton.service") {
		t.Error(said)
	}
}
