package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An instruction of a Dockerfile.
type instruction struct{ name, rest string }

// dockerfile reads a Dockerfile; what it does not know it refuses.
func dockerfile(t *testing.T, text string) (all []instruction) {
	t.Helper()
	known := []string{"ARG", "FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "ENV", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		if !slices.Contains(known, name) || rest == "" {
			t.Errorf("%s is no instruction that is meant to be there", line)
		}
		all = append(all, instruction{name, rest})
	}
	return all
}

func TestTheDockerfileCopiesWhatIsThereAndBuildsItAsTheMakefileDoes(t *testing.T) {
	makefile := read(t, "../Makefile")
	stages := map[string]bool{}
	var copied []string
	for _, i := range dockerfile(t, read(t, "Dockerfile")) {
		words := strings.Fields(i.rest)
		switch i.name {
		case "FROM":
			if len(words) == 3 && words[1] == "AS" {
				stages[words[2]] = true
			}
		case "COPY":
			from := ""
			for strings.HasPrefix(words[0], "--") {
				flag, value, _ := strings.Cut(words[0], "=")
				if flag == "--from" {
					from = value
				}
				words = words[1:]
			}
			if from != "" {
				if !stages[from] {
					t.Errorf("COPY from %s, which is no stage before it", from)
				}
				continue
			}
			for _, source := range words[:len(words)-1] {
				copied = append(copied, source)
				if _, err := os.Stat(filepath.Join("..", source)); err != nil {
					t.Error(err)
				}
			}
		case "RUN":
			isBuild := strings.HasPrefix(i.rest, "npm ") || strings.Contains(i.rest, "go build")
			command := regexp.MustCompile(`CGO_ENABLED=0 | -trimpath`).ReplaceAllString(i.rest, "")
			if isBuild && !strings.Contains(makefile, strings.ReplaceAll(command, "$VERSION", "$(VERSION)")) {
				t.Errorf("the Makefile does not do this: %s", command)
			}
		}
	}
	for _, file := range glob(t, "../frontend/*/package.json") {
		if source := strings.TrimPrefix(file, "../"); !slices.Contains(copied, source) {
			t.Errorf("npm ci needs %s", source)
		}
	}
	if goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod")); !strings.Contains(read(t, "Dockerfile"), "FROM golang:"+goVersion[1]+"-") {
		t.Errorf("go.mod is of Go %s, and the image is not", goVersion[1])
	}
}

func TestTheImageRunsAsNobodyAndHasNothingButTheBinary(t *testing.T) {
	last := map[string]string{}
	all := dockerfile(t, read(t, "Dockerfile"))
	for _, i := range all {
		if i.name == "FROM" {
			clear(last) // the last stage counts
		}
		last[i.name] = i.rest
	}
	if last["FROM"] != "scratch" || last["RUN"] != "" {
		t.Errorf("the image is of %s, and runs %q", last["FROM"], last["RUN"])
	}
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(last["USER"]) {
		t.Errorf("its user is %s", last["USER"])
	}
	if last["VOLUME"] != "/data" || last["STOPSIGNAL"] != "SIGTERM" {
		t.Errorf("its volume is %s, it is stopped by %s", last["VOLUME"], last["STOPSIGNAL"])
	}
	check := last["HEALTHCHECK"]
	commands := map[string]string{"ENTRYPOINT": last["ENTRYPOINT"], "CMD": last["CMD"], "HEALTHCHECK": check[strings.Index(check, "CMD ")+4:]}
	parsed := map[string][]string{}
	for name, text := range commands {
		var words []string
		if err := json.Unmarshal([]byte(text), &words); err != nil {
			t.Errorf("%s %s is not in exec form, and there is no shell: %v", name, text, err)
		}
		parsed[name] = words
	}
	if len(parsed["ENTRYPOINT"]) != 1 || parsed["ENTRYPOINT"][0] != "/baton" || parsed["HEALTHCHECK"][0] != "/baton" {
		t.Errorf("it starts %v and is asked by %v", parsed["ENTRYPOINT"], parsed["HEALTHCHECK"])
	}
	help := run(t, baton, append(parsed["CMD"][:1], "--help")...)
	for setting := range strings.FieldsSeq(last["ENV"]) {
		name, _, _ := strings.Cut(strings.TrimPrefix(setting, "BATON_"), "=")
		if flag := "--" + strings.ToLower(name) + " "; !strings.Contains(help, flag) {
			t.Errorf("%s is for a flag that serve does not have", setting)
		}
	}
	run(t, baton, append(parsed["HEALTHCHECK"][1:], "--help")...)
}

// The last stage has no C library, so nothing of the binary may need one.
func TestTheBinaryNeedsNoC(t *testing.T) {
	c := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{len .CgoFiles}}", "../cmd/baton")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "nats-server/v2/server 0\n") {
		t.Errorf("go list says\n%s", out)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasSuffix(line, " 0\n") {
			t.Errorf("it needs C: %s", line)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files
}
