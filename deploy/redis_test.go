package deploy

import (
	"bufio"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

func TestRedisTakesTheConfigurationAndKeepsWhatItIsTold(t *testing.T) {
	port := strconv.Itoa(porttest.Free(t))
	start(t, "redis-server", "redis.conf", "--port", port, "--dir", t.TempDir())
	var c net.Conn
	wait(t, "Redis", func() bool {
		var err error
		c, err = net.Dial("tcp", "127.0.0.1:"+port)
		return err == nil
	})
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	lines := bufio.NewScanner(c)
	for setting, want := range map[string]string{"appendonly": "yes", "maxmemory-policy": "noeviction", "bind": "127.0.0.1"} {
		_, _ = io.WriteString(c, "CONFIG GET "+setting+"\r\n")
		var got []string
		for len(got) < 5 && lines.Scan() { // an array of two strings
			got = append(got, strings.TrimSpace(lines.Text()))
		}
		if len(got) < 5 || got[4] != want {
			t.Errorf("%s is %q, not %s", setting, got, want)
		}
	}
}
