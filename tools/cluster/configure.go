package main

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
func (c *cluster) configure(name, of string, changes []change) (path string, err error) {
	data, err := os.ReadFile(filepath.Join(c.Deploy, of))
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
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(c.Dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// natsConf is for the servers to listen on ports of their own here.
func (c *cluster) natsConf(i int) []change {
	var routes []string
	for _, port := range c.routes {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	return []change{
		{`^listen: [^ ]+`, fmt.Sprintf("listen: 127.0.0.1:%d", c.clients[i])},
		{`^http: .+`, fmt.Sprintf("http: 127.0.0.1:%d", c.monitors[i])},
		{`^  listen: .+`, fmt.Sprintf("  listen: 127.0.0.1:%d", c.routes[i])},
		{`^  routes: .+`, fmt.Sprintf("  routes: [%s]", strings.Join(routes, ", "))},
		{`^  store_dir: .+`, fmt.Sprintf("  store_dir: %q", filepath.Join(c.Dir, fmt.Sprint("nats-", i+1)))},
	}
}

// nginxConf is for plain http, and for hubs here.
func (c *cluster) nginxConf() []change {
	changes := []change{
		{`^pid .+`, "pid " + filepath.Join(c.Dir, "nginx.pid") + ";"},
		{`^worker_processes .+`, "worker_processes 1;"},
		{`^worker_rlimit_nofile .+\n`, ""},
		{`worker_connections .+`, "worker_connections 1024;"},
		{`(?s)  server \{\n    listen 80;.*?\n  \}\n`, ""},
		{`listen 443 ssl http2;`, "listen " + c.Listen + ";"},
		{`^    ssl_.+\n`, ""},
		{`^    add_header Strict-Transport-Security .+\n`, ""},
		{`^http \{`, "http {\n  client_body_temp_path " + c.Dir + "/body;\n  proxy_temp_path " + c.Dir + "/proxy;\n" +
			"  fastcgi_temp_path " + c.Dir + "/fastcgi;\n  uwsgi_temp_path " + c.Dir + "/uwsgi;\n  scgi_temp_path " + c.Dir + "/scgi;"},
	}
	for i, port := range c.hubs {
		changes = append(changes, change{fmt.Sprintf(`hub-%d:8080`, i+1), fmt.Sprintf("127.0.0.1:%d", port)})
	}
	return changes
}
