package pace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/tools/cluster"
)

// patience is how long anything may take that has to come.
const patience = 60 * time.Second

// A lab is the cluster that all benchmarks share.
type lab struct {
	*cluster.Cluster
	token string
	runs  int
}

// shared is started by the first that needs it.
var shared struct {
	once sync.Once
	dir  string
	lab  *lab
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.lab != nil {
		if err := shared.lab.End(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

// begin gives the cluster, and a name for the clients of this run.
func begin(tb testing.TB) (l *lab, run string) {
	tb.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "baton-pace-"); shared.err == nil {
			shared.lab, shared.err = start(shared.dir)
		}
	})
	if shared.err != nil {
		tb.Fatal("starting the cluster: ", shared.err)
	}
	shared.lab.runs++
	return shared.lab, fmt.Sprint("run", shared.lab.runs, "-")
}

func start(dir string) (*lab, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	bin := os.Getenv("BATON_BIN") // what is to be measured, if not what the tests run
	if bin == "" {
		bin = "../../bin"
	}
	c, err := cluster.Start(ctx, cluster.Options{
		Dir: dir, Bin: bin, Deploy: "../../deploy", Config: "testdata/site.yaml", HubArgs: []string{"--demo=false", "--no-docs"},
	})
	if err != nil {
		return nil, err
	}
	l := &lab{Cluster: c}
	for ctx.Err() == nil { // a hub that has just come up may yet wait for its space
		if l.token, err = mint(ctx, c.Hubs[0].URL()); err == nil {
			return l, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("making a token: %w", err), c.End())
}

// mint makes a token for the clients.
func mint(ctx context.Context, url string) (string, error) {
	header := http.Header{"Content-Type": {"application/json"}}
	answer, _, err := ask(ctx, "POST", url+"/api/v1/session", header, map[string]string{"space": "lab", "user": "ada", "password": "ada"})
	if err != nil {
		return "", err
	}
	for _, cookie := range (&http.Response{Header: answer}).Cookies() {
		header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
	_, text, err := ask(ctx, "POST", url+"/api/v1/spaces/lab/tokens", header, map[string]string{"name": "pace"})
	if err != nil {
		return "", err
	}
	var issued struct{ Token string }
	return issued.Token, json.Unmarshal(text, &issued)
}

// ask makes a request that has to be done.
func ask(ctx context.Context, method, url string, header http.Header, body any) (answer http.Header, text []byte, err error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return nil, nil, err
	}
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s is answered %d: %s", method, url, response.StatusCode, text)
	}
	return response.Header, text, err
}
