package deploytest

import (
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

func composed(t *testing.T) *types.Project {
	t.Helper()
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: "..", ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: readFile(t, "../compose.yaml")}}, Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("baton", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestTheComposeFileLocksEverythingIn(t *testing.T) {
	p := composed(t)
	for _, name := range []string{"hub-1", "hub-2", "hub-3", "nats-1", "nats-2", "nats-3", "redis", "nginx", "nats-data"} {
		s, err := p.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
			t.Errorf("%s may do more than it needs: %+v", name, s)
		}
		if name != "nats-data" && (s.HealthCheck == nil || s.Restart != "unless-stopped") {
			t.Errorf("nobody sees after %s", name)
		}
		if name != "nginx" && len(s.Ports) > 0 {
			t.Errorf("%s is open to the world: %v", name, s.Ports)
		}
		for _, mount := range s.Volumes {
			if mount.Type == types.VolumeTypeBind && !mount.ReadOnly {
				t.Errorf("%s writes to %s", name, mount.Source)
			}
		}
	}
	if len(p.Services) != 9 || !p.Networks["back"].Internal {
		t.Errorf("it has %d services, the network of NATS leads out: %v", len(p.Services), !p.Networks["back"].Internal)
	}
}

func TestTheHubsOfTheComposeFileFindTheOthersAndGetTimeToEnd(t *testing.T) {
	p := composed(t)
	for _, name := range []string{"hub-1", "hub-2", "hub-3"} {
		s := p.Services[name]
		command := strings.Join(s.Command, " ")
		for _, other := range []string{"nats-1:4222", "nats-2:4222", "nats-3:4222", "redis:6379", "--nats-replicas 3"} {
			if !strings.Contains(command, other) {
				t.Errorf("%s is started with %s", name, command)
			}
		}
		if s.StopGracePeriod == nil || (*s.StopGracePeriod).String() != "40s" || drain >= 40 {
			t.Errorf("%s is killed after %v", name, s.StopGracePeriod)
		}
		if !strings.Contains(string(readFile(t, "../nginx.conf")), "server "+name+":8080") {
			t.Errorf("nginx does not know %s", name)
		}
	}
	address := p.Services["nginx"].Networks["front"].Ipv4Address
	if site := string(readFile(t, "../site/site.yaml")); address == "" || !strings.Contains(site, "proxies: ["+address+"]") {
		t.Errorf("nginx is at %s, which the site file does not name", address)
	}
}
