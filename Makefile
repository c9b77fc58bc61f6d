# What a newcomer needs: `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
GO_TOOL := go tool -modfile=tools/go.mod

# The page is built again when one of its sources is newer than what was built.
UI := frontend/app/dist/index.html
UI_SOURCES := $(shell find frontend -path '*/node_modules' -prune -o -path '*/dist' -prune -o -path '*/e2e' -prune \
	-o -type f \( -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.html' -o -name '*.json' -o -name '*.md' -o -name '*.svg' -o -path '*/public/*' \) -print)
# What git knows or would: not the Go that some npm packages bring along.
GO_FILES = $(shell git ls-files --cached --others --exclude-standard '*.go')
NODE_MODULES := frontend/node_modules/.package-lock.json

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build everything and run the hub with the demo beamline, on this machine only
	./bin/baton serve --dev

.PHONY: build
build: ui ## build bin/baton with the page in it
	go build -ldflags "-X github.com/baton-hub/baton/cmd.version=$(VERSION)" -o bin/baton ./cmd/baton

.PHONY: ui
ui: $(UI) ## build the page

$(UI): $(NODE_MODULES) $(UI_SOURCES)
	cd frontend && npm run --silent build
	@touch $@

$(NODE_MODULES): frontend/package-lock.json
	.ci/need node npm
	cd frontend && ../.ci/try npm ci --no-audit --no-fund
	@touch $@

.PHONY: test
test: ## run every test: Go with -race, Python, TypeScript, a real browser; prints totals
	.ci/need --install go gcc node npm redis-server slapd nginx promtool chromium curl python3 python3-websockets
	$(MAKE) --no-print-directory build bin/nats-server bin/baton-next bin/cluster
	.ci/test

# What takes longer than `make test` has time for, each with its figures held to their targets: on a machine that has nothing
# else to do. A list of commands; each says what it shows, and how long it takes.
.PHONY: soak
soak: ## run what is too long for `make test`, and hold its figures to their targets; on a quiet machine
	.ci/need --install go gcc node npm redis-server nginx chromium
	$(MAKE) --no-print-directory build bin/nats-server bin/baton-next bin/cluster
	# Ten rolling restarts of three hubs under load with no pause over a second; six hundred sign-outs after which nothing is heard. 3 minutes.
	cd tools && BATON_SOAK=10 go test -count=1 -timeout 60m -run 'Rolling|SignOut' -v ./nodes
	# A node is killed, reset, paused, cut off from NATS and from Redis, ten times each. 10 minutes.
	cd tools && go test -count=10 -timeout 60m -run 'ANode|WithoutRedis' -v ./nodes
	# What people do in a browser, on one hub, on two, and on three behind nginx; and how every screen looks in every state. 30 minutes.
	cd frontend && BATON_LAYOUTS=all BATON_LOOKS=all npm run --silent e2e
	# Ten times 20 s of lines that break, with other choices each time, under pages that change everything there is, and under
	# tabs of a browser that are loaded again, closed, killed and frozen meanwhile. 10 minutes.
	cd frontend/e2e && for round in 1 2 3 4 5 6 7 8 9 10; do BATON_CUTS=20 npx vitest run test/cuts.test.ts || exit 1; done
	# A reconnect storm: 5,000 sockets of a node that is killed are back and current on the other one within 10 s.
	BATON_SOAK=1 go test -count=1 -timeout 20m -v -run '^TestAReconnectStorm' ./hub
	# 5,000 clients of two nodes drop and come back at random: of ten million deliveries none is lost and none comes twice. 1 minute.
	BATON_SOAK=1 go test -count=1 -timeout 30m -v -run '^TestJoinAndResumeAreExactUnderLoad' ./hub

.PHONY: cluster
cluster: ## run three hubs behind nginx on three NATS servers and a Redis, on this machine only
	.ci/need --install go node npm redis-server nginx
	$(MAKE) --no-print-directory build bin/nats-server
	cd tools && go run ./cluster/run -dir ../data/cluster

# How long things are broken, and what the choices come from: FAULTS_TIME=2h, FAULTS="-seed 7 -only kill,pause".
FAULTS_TIME ?= 20m
FAULTS ?=

.PHONY: faults
faults: ## prove what Baton promises while every part of a cluster is broken, again and again; FAULTS_TIME=2h for longer
	.ci/need --install go node npm redis-server nginx
	$(MAKE) --no-print-directory build bin/nats-server
	cd tools && go run ./faults -mutants && go run ./faults -time $(FAULTS_TIME) $(FAULTS)

.PHONY: e2e
e2e: ## run the tests in a real browser only; pictures of what failed are in frontend/e2e/artefacts
	.ci/need --install go node npm redis-server nginx chromium
	$(MAKE) --no-print-directory build bin/nats-server bin/baton-next bin/cluster
	cd frontend && npm run --silent e2e

# How long a benchmark runs, and how often: a figure is the median. `make bench STRICT=1` fails if a target is missed.
BENCHTIME ?= 2s
BENCHCOUNT ?= 3
STRICT ?=
# What the hub is measured with from outside: BENCH=--quick, BENCH="--scenario fan-out --connections 5000".
BENCH ?=
BENCHMARKS := DurableWrite|ManyWriters|ReplicaStart|Patch|SixtyFour.*|Decide|(En|De)code.*|Fold|(Write|Read)Snapshot|Ring|Gather

.PHONY: bench
bench: bin/nats-server ## measure speed against its targets; bin/bench.txt is for benchstat, BENCHMARKS.md says more
	.ci/need --install go redis-server nginx
	@mkdir -p bin/bench
	go build -ldflags "-X github.com/baton-hub/baton/cmd.version=$(VERSION)" -o bin/bench/baton ./cmd/baton
	ln -f bin/nats-server bin/bench/nats-server
	set -o pipefail; { go test -run '^$$' -bench '^Benchmark($(BENCHMARKS))$$' -benchtime $(BENCHTIME) -count $(BENCHCOUNT) \
		-timeout 30m ./channels/... ./hub ./hub/wire && cd tools && \
		BATON_BIN=../../bin/bench go test -run '^$$' -bench . -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -timeout 30m ./pace; } \
		| tee bin/bench.txt | (cd tools && go run ./targets $(if $(STRICT),--strict))
	bin/bench/baton bench --json bin/bench.json $(if $(STRICT),--strict) $(BENCH)

# What is measured in turns with Centrifugo: RIVALS="-scenario storm -rounds 5". Builds Centrifugo once, which takes minutes and
# downloads some hundred modules; no other target needs it.
RIVALS ?=

.PHONY: rivals
rivals: ## measure in turns with Centrifugo; BENCHMARKS.md says more
	@mkdir -p bin
	go build -ldflags "-X github.com/baton-hub/baton/cmd.version=$(VERSION)" -o bin/baton-bench ./cmd/baton
	cd tools && go run ./rivals $(RIVALS)

# How long each fuzz target runs. What is found comes into its corpus, testdata/fuzz: fix it and keep it.
FUZZTIME ?= 20s

.PHONY: fuzz
fuzz: ## look for what breaks names, cursors, patches, entries, snapshots; FUZZTIME=1m for longer
	@for package in $$(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n 1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$package/*_test.go | cut -d ' ' -f 2); do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "./$$package" || exit 1; \
		done; \
	done

# The NATS that two hubs share in the tests. It comes with the module that is embedded, so it is the same version.
bin/nats-server: go.mod
	go build -o $@ github.com/nats-io/nats-server/v2
	@touch $@

# A whole cluster in one command, for the tests in a browser: see tools/cluster.
.PHONY: bin/cluster
bin/cluster:
	cd tools && go build -o ../bin/cluster ./cluster/run

# Baton as its next version could be, for the tests that run two versions side by side: see tools/next.
.PHONY: bin/baton-next
bin/baton-next: ui
	cd tools && go run ./next -o ../bin/baton-next

.PHONY: check
check: $(NODE_MODULES) ## format, vet, staticcheck, imports, biome, tsc; quick, and offline once modules are there
	@unformatted=$$($(GO_TOOL) gofumpt -l $(GO_FILES)) && if [ -n "$$unformatted" ]; then \
		echo "not in gofumpt's format (make fmt):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	$(GO_TOOL) staticcheck ./...
	go test -run 'Imports' .
	cd frontend && npm run --silent check

.PHONY: fmt
fmt: $(NODE_MODULES) ## bring all code into its format
	$(GO_TOOL) gofumpt -w $(GO_FILES)
	cd frontend && npm run --silent fix

.PHONY: clean
clean: ## remove what was built; the data of the demo stays
	rm -rf bin coverage frontend/app/dist/assets frontend/app/dist/docs frontend/app/dist/index.html
