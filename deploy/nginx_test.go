package deploy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// proxied starts nginx by our file, before the upstreams, and returns its address.
func proxied(t *testing.T, upstreams ...string) (url string) {
	t.Helper()
	dir := t.TempDir()
	certificate(t, dir)
	port := strconv.Itoa(porttest.Free(t))
	replace := []string{
		"/etc/nginx/tls/", dir + "/", "/var/run/", dir + "/", "listen 80;", "listen 127.0.0.1:" + strconv.Itoa(porttest.Free(t)) + ";",
		"listen 443 ", "listen 127.0.0.1:" + port + " ", "worker_processes auto", "worker_processes 1",
		"worker_rlimit_nofile 65536;", "", "worker_connections 32768", "worker_connections 256",
	}
	for i, upstream := range upstreams {
		replace = append(replace, fmt.Sprintf("hub-%d:8080", i+1), upstream)
	}
	text := strings.NewReplacer(replace...).Replace(read(t, "nginx.conf"))
	if strings.Contains(text, "/etc/nginx") || strings.Contains(text, "hub-") {
		t.Fatalf("this is left:\n%s", text)
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} { // else nginx takes folders of the system
		text = strings.Replace(text, "http {\n", fmt.Sprintf("http {\n  %s_temp_path %s;\n", kind, filepath.Join(dir, kind)), 1)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", file}
	if said := run(t, "nginx", append(flags, "-t")...); strings.Contains(said, "[warn]") {
		t.Error(said)
	}
	start(t, "nginx", append(flags, "-g", "daemon off;")...)
	wait(t, "nginx", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return "https://127.0.0.1:" + port
}

// certificate makes one for nginx.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: cert}, "tls.key": {Type: "EC PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// trusting is a client that does not look at certificates: what is tested is what is behind.
var trusting = &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

func ask(t *testing.T, method, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	response, err := trusting.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func TestNginxTellsTheHubWhoAsksAndForWhichHost(t *testing.T) {
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Host, r.Header.Get("X-Forwarded-For"), r.Header.Get("Connection"))
	}))
	defer hub.Close()
	address := hub.Listener.Addr().String()
	url := proxied(t, address, address, address)
	want := strings.TrimPrefix(url, "https://") + " 127.0.0.1 close"
	if status, said := ask(t, "GET", url+"/"); status != 200 || said != want {
		t.Errorf("it answers %d, the hub was told %s", status, said)
	}
}

func TestNginxNeverSendsAPostTwiceAndPassesANodeThatIsDown(t *testing.T) {
	var posts, others atomic.Int32
	breaks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
		} else {
			others.Add(1)
		}
		c, _, err := w.(http.Hijacker).Hijack() // it has read the request, and dies
		if err == nil {
			_ = c.Close()
		}
	})
	one, two := httptest.NewServer(breaks), httptest.NewServer(breaks)
	defer one.Close()
	defer two.Close()
	url := proxied(t, one.Listener.Addr().String(), two.Listener.Addr().String(), two.Listener.Addr().String())
	if status, _ := ask(t, "POST", url+"/"); status != http.StatusBadGateway || posts.Load() != 1 {
		t.Errorf("a POST came to %d nodes and was answered with %d", posts.Load(), status)
	}
	if status, _ := ask(t, "GET", url+"/"); status != http.StatusBadGateway || others.Load() < 1 {
		t.Errorf("a GET came to %d nodes and was answered with %d", others.Load(), status)
	}

	works := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer works.Close()
	down := "127.0.0.1:" + strconv.Itoa(porttest.Free(t))
	url = proxied(t, down, down, works.Listener.Addr().String())
	for range 5 { // nothing was sent to a node that is down, so a POST goes on, too
		if status, _ := ask(t, "POST", url+"/"); status != 200 {
			t.Errorf("a POST with nodes down is answered with %d", status)
		}
	}
}

func TestNginxPassesEventsOnAsTheyComeAndWebSockets(t *testing.T) {
	done := make(chan struct{})
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "websocket" && r.Header.Get("Connection") == "upgrade" {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(c, c)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		w.(http.Flusher).Flush()
		<-done // an event that waits for the next would never come
	}))
	defer hub.Close()
	defer close(done)
	address := hub.Listener.Addr().String()
	url := proxied(t, address, address, address)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := trusting.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); line != "data: 1\n" {
		t.Errorf("the first event is %q, %v", line, err)
	}

	socket, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	_ = socket.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(socket, "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	reader := bufio.NewReader(socket)
	answer, err := http.ReadResponse(reader, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake is answered with %v, %v", answer, err)
	}
	_, _ = io.WriteString(socket, "over and back\n")
	if line, err := reader.ReadString('\n'); line != "over and back\n" {
		t.Errorf("what was sent came back as %q, %v", line, err)
	}
}

func TestNginxGivesWebSocketsAtOnceToNodesThatHaveBeenRestarted(t *testing.T) {
	stay := make(chan struct{})
	var sockets sync.WaitGroup
	upgrade := func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		sockets.Go(func() {
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			<-stay // as WebSockets do
		})
	}
	addresses, nodes := make([]string, 3), make([]*httptest.Server, 3)
	run := func(i int, address string) {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		nodes[i] = httptest.NewUnstartedServer(http.HandlerFunc(upgrade))
		_ = nodes[i].Listener.Close()
		nodes[i].Listener = listener
		nodes[i].Start()
		addresses[i] = listener.Addr().String()
	}
	for i := range nodes {
		run(i, "127.0.0.1:"+strconv.Itoa(porttest.Free(t)))
	}
	defer func() {
		close(stay)
		sockets.Wait()
		for _, node := range nodes {
			node.Close()
		}
	}()
	url := proxied(t, addresses...)
	open := func() {
		t.Helper()
		socket, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
		_ = socket.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(socket, "GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(socket), nil)
		if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("the handshake is answered with %v, %v", answer, err)
		}
	}
	for i := range nodes {
		nodes[i].Close()
		for range 6 { // nginx finds out
			open()
		}
		run(i, addresses[i])
	}
	for range 12 {
		open()
	}
}
