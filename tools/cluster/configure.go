package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A change makes one thing of a configuration fit for one machine. Each has to find what it changes: a configuration in
// deploy/ that has moved on is not run in part.
type change struct{ from, to string }

// configure writes a configuration that is one of deploy/ but for some changes, and returns its path.
func (c *Cluster) configure(name, of string, changes []change) (path string, err error) {
	data, err := os.ReadFile(filepath.Join(c.options.Deploy, of))
	if err != nil {
		return "", err
	}
	text := string(data)
	for _, ch := range changes {
		pattern, err := regexp.Compile("(?m)" + ch.from)
		if err != nil {
			return "", err
		}
		if !pattern.MatchString(text) {
			return "", fmt.Errorf("%s has no %s: tools/cluster has to be changed with it", of, ch.from)
		}
		text = pattern.ReplaceAllLiteralString(text, ch.to)
	}
	path = filepath.Join(c.options.Dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// natsConf is for a server to listen on ports of its own here.
func (c *Cluster) natsConf(i int, address, monitor string) []change {
	name, listen := fmt.Sprint("nats-", i+1), "  listen: "+c.routes[i]
	var routes []string
	for j, route := range c.routes {
		through := route
		if j != i {
			through = c.through(name, fmt.Sprint("nats-", j+1), route)
		}
		if through != route && len(routes) == j && !strings.Contains(listen, "advertise") {
			// They must not tell each other of a way past what is in between: it leads nowhere.
			listen += "\n  advertise: \"127.0.0.1:1\""
		}
		routes = append(routes, "nats://"+through)
	}
	changes := []change{
		{`^listen: [^ ]+`, "listen: " + address},
		{`^http: .+`, "http: " + monitor},
		{`^  listen: .+`, listen},
		{`^  routes: .+`, fmt.Sprintf("  routes: [%s]", strings.Join(routes, ", "))},
		{`^  store_dir: .+`, fmt.Sprintf("  store_dir: %q", filepath.Join(c.options.Dir, fmt.Sprint("nats-", i+1)))},
	}
	if c.options.Through != nil { // else the hubs are told of a way around it
		changes = append(changes, change{`^  name: baton`, "  name: baton\n  no_advertise: true"})
	}
	return changes
}

// nginxConf is for plain http, and for hubs here.
func (c *Cluster) nginxConf(address string) []change {
	dir := c.options.Dir
	changes := []change{
		{`^pid .+`, "pid " + filepath.Join(dir, "nginx.pid") + ";"},
		{`^worker_processes .+`, "worker_processes 1;"},
		{`^worker_rlimit_nofile .+\n`, ""},
		{`worker_connections .+`, "worker_connections 1024;"},
		{`(?s)  server \{\n    listen 80;.*?\n  \}\n`, ""},
		{`listen 443 ssl http2;`, "listen " + address + ";"},
		{`^    ssl_.+\n`, ""},
		{`^    add_header Strict-Transport-Security .+\n`, ""},
		{`^http \{`, "http {\n  client_body_temp_path " + dir + "/body;\n  proxy_temp_path " + dir + "/proxy;\n" +
			"  fastcgi_temp_path " + dir + "/fastcgi;\n  uwsgi_temp_path " + dir + "/uwsgi;\n  scgi_temp_path " + dir + "/scgi;"},
	}
	for i, hub := range c.Hubs {
		changes = append(changes, change{fmt.Sprintf(`hub-%d:8080`, i+1), c.through("nginx", hub.Name, hub.Address)})
	}
	return changes
}
