package sessiontest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels/porttest"
)

// A Slapd is an OpenLDAP server in a process of its own, on two ports of the loopback interface, which it keeps over
// restarts, with everything it needs in a folder of the test. Anybody may bind; to search one has to be SlapdSearcher.
type Slapd struct {
	URL  string // ldap://, on which TLS can be begun
	URLS string // ldaps://
	CA   string // the file with the certificate of who vouches for it

	t       testing.TB
	dir     string
	process *exec.Cmd // of a shell with the server, a process group; nil while it is not running
	stdin   io.Closer
	output  *bytes.Buffer
}

// The tree of a Slapd, and who may search it.
const (
	SlapdBase     = "dc=example,dc=org"
	SlapdSearcher = "cn=searcher," + SlapdBase
	SlapdPassword = "of the searcher"
)

// slapdPlaces are where the schemas and modules of OpenLDAP are, by system.
var slapdPlaces = []struct{ schemas, modules string }{
	{"/etc/ldap/schema", "/usr/lib/ldap"},                                                          // Debian
	{"/opt/homebrew/etc/openldap/schema", "/opt/homebrew/libexec/openldap"},                        // macOS
	{"/etc/openldap/schema", "/usr/lib64/openldap"}, {"/etc/openldap/schema", "/usr/lib/openldap"}, // others
}

// NewSlapd starts a server with the entries (LDIF) below SlapdBase, and ends it with the test.
func NewSlapd(t testing.TB, entries string) *Slapd {
	t.Helper()
	s := &Slapd{t: t, dir: t.TempDir(), output: &bytes.Buffer{}}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("slapd said:\n%s", s.output)
		}
	})
	s.CA = WriteCertificate(t, s.dir)
	s.configure()
	base := fmt.Sprintf("dn: %s\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"+
		"dn: %s\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: searcher\nuserPassword: %s\n\n",
		SlapdBase, SlapdSearcher, SlapdPassword)
	add := exec.Command(slapdTool("slapadd"), "-q", "-f", filepath.Join(s.dir, "slapd.conf"))
	add.Stdin = strings.NewReader(base + entries)
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("adding the entries (Debian: apt install slapd): %v\n%s", err, out)
	}
	s.URL, s.URLS = fmt.Sprintf("ldap://127.0.0.1:%d", porttest.Free(t)), fmt.Sprintf("ldaps://127.0.0.1:%d", porttest.Free(t))
	if err := s.start(); err != nil {
		t.Fatalf("starting slapd: %v\n%s", err, s.output)
	}
	return s
}

// slapdTool finds a program that is not on the path of everybody.
func slapdTool(name string) string {
	for _, dir := range []string{"/usr/sbin", "/opt/homebrew/opt/openldap/libexec", "/opt/homebrew/opt/openldap/sbin"} {
		if path := filepath.Join(dir, name); exec.Command("test", "-x", path).Run() == nil {
			return path
		}
	}
	return name
}

func (s *Slapd) configure() {
	s.t.Helper()
	schemas, modules := "", ""
	for _, place := range slapdPlaces {
		if _, err := os.Stat(filepath.Join(place.schemas, "core.schema")); err == nil {
			schemas, modules = place.schemas, place.modules
			break
		}
	}
	if schemas == "" {
		s.t.Fatal("the schemas of OpenLDAP are not here (Debian: apt install slapd)")
	}
	var c strings.Builder
	for _, schema := range []string{"core", "cosine", "inetorgperson"} {
		fmt.Fprintf(&c, "include %s/%s.schema\n", schemas, schema)
	}
	if _, err := os.Stat(filepath.Join(modules, "back_mdb.la")); err == nil {
		fmt.Fprintf(&c, "modulepath %s\nmoduleload back_mdb.la\n", modules)
	}
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(&c, `pidfile %[1]s/slapd.pid
argsfile %[1]s/slapd.args
TLSCertificateFile %[1]s/server.pem
TLSCertificateKeyFile %[1]s/server.key
TLSCACertificateFile %[1]s/ca.pem
sizelimit 500
database mdb
maxsize 16777216
suffix "%[2]s"
rootdn "cn=admin,%[2]s"
directory %[3]s
dbnosync
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="%[4]s" read by * none
`, s.dir, SlapdBase, data, SlapdSearcher)
	if err := os.WriteFile(filepath.Join(s.dir, "slapd.conf"), []byte(c.String()), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the process with SIGKILL, if it runs.
func (s *Slapd) Kill() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	s.signal(syscall.SIGKILL)
	s.stdin.Close()
	_ = s.process.Wait() // killed, as asked
	s.process = nil
}

// Restart starts it again after Kill, on the same ports.
func (s *Slapd) Restart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("starting slapd again: %v\n%s", err, s.output)
	}
}

// Pause stops the process with SIGSTOP: connections are accepted and nothing answers. Resume lets it go on.
func (s *Slapd) Pause() { s.signal(syscall.SIGSTOP) }

// Resume is the end of Pause.
func (s *Slapd) Resume() { s.signal(syscall.SIGCONT) }

func (s *Slapd) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(-s.process.Process.Pid, sig); err != nil {
		s.t.Errorf("sending %v to slapd: %v", sig, err)
	}
}

// start returns once both ports are open.
func (s *Slapd) start() error {
	// The shell ends the server when standard input ends, so that it does not outlive a test that was killed.
	cmd := exec.Command("sh", "-c", `"$@" & cat >/dev/null; kill -9 $!`, "sh",
		slapdTool("slapd"), "-d", "0", "-f", filepath.Join(s.dir, "slapd.conf"), "-h", s.URL+" "+s.URLS)
	cmd.Stdout, cmd.Stderr = s.output, s.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.stdin = cmd, stdin
	for _, address := range []string{strings.TrimPrefix(s.URL, "ldap://"), strings.TrimPrefix(s.URLS, "ldaps://")} {
		if err := opens(address); err != nil {
			s.Kill()
			return err
		}
	}
	return nil
}

// opens waits until a port takes connections.
func opens(address string) (err error) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for late := time.Now().Add(60 * time.Second); time.Now().Before(late); <-again.C {
		var conn net.Conn
		if conn, err = net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
	}
	return err
}
