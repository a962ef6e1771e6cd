# `make help` lists the targets. Everything that is built goes under build/; `make test` and `make demo` install what they miss.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)

# The peer shim of `make peer`: hcsshim's, or any other exe.
PEER ?=

SHIM    := containerd-shim-hcs-v1
PRODUCT := -trimpath -ldflags "-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)"
STRIP   := -trimpath -ldflags "-s -w"
WINDOWS := CGO_ENABLED=0 GOOS=windows

RIGDIR := build/rig
BIN    := $(RIGDIR)/bin
TOOLS  := test/rig/tools
RIGCMD := $(BIN)/rig
IMAGE  := $(RIGDIR)/image.tar

# Packages that run anywhere, and so under the race detector too.
PORTABLE := ./task/... ./shim/... ./hcs/...

.PHONY: help
help: ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: all
all: build windows lint test ## everything that .ci/run does, and the exes

.PHONY: build
build: ## the shim for windows/amd64 and windows/arm64, into build/windows-<arch>/
	@for arch in amd64 arm64; do \
		echo "build: build/windows-$$arch/$(SHIM).exe"; \
		$(WINDOWS) GOARCH=$$arch $(GO) build $(PRODUCT) -o build/windows-$$arch/$(SHIM).exe ./cmd/$(SHIM); \
	done

.PHONY: test
test: install ## all tests, and the conformance script on the rig
	$(GO) test ./...
	cd test/conform && $(GO) test ./...
	cd test/compat && $(GO) test ./...
	$(MAKE) wine conform terminal
	$(MAKE) cri CRI=2.4
	$(MAKE) rigsoak CYCLES=200
	$(MAKE) torture ROUNDS=5
	$(MAKE) versions OLDER=1.7 NEWEST= ONLY='^(run|exec|kill|delete|state|events)/'
	$(MAKE) upgrade OLDER=1.7
	$(MAKE) deploy OLDER=1.7
	@if $(KUBE) -n >/dev/null; then $(MAKE) kube-short; else \
		echo "test: without a Kubernetes node: its programs are not built yet, which make test-kube does"; fi
	@if [ -x $(DOCKERD) ]; then $(MAKE) docker-short; else echo "test: without a Docker engine: dockerd.exe is not built yet, which make test-docker does"; fi

.PHONY: race
race: ## the portable packages' tests under the race detector
	CGO_ENABLED=1 $(GO) test -race $(PORTABLE)

.PHONY: walk
walk: ## a million random steps of the task machine
	$(GO) test ./task -run Walk -count=1 -walk.steps=1000000

.PHONY: bench
bench: ## how fast statistics are, shim-side: p50 and p99 of 100 containers
	$(GO) test ./shim -run '^$$' -bench Stats -benchtime 2000x

.PHONY: golden
golden: ## rewrite the golden files and the stories, for review in the diff
	$(GO) test ./task -run Golden -count=1 -rewrite
	$(GO) test ./shim -run Stories -count=1 -rewrite
	@git --no-pager diff --stat

.PHONY: fuzz
fuzz: ## 30 seconds of fuzzing the resolution of specs
	$(GO) test ./task -run '^$$' -fuzz FuzzResolve -fuzztime 30s

.PHONY: lint
lint: $(BIN)/golangci-lint ## gofmt, vet, the lints of test/arch, golangci-lint for both systems
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not gofmt'd:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) test ./test/arch
	@# Most of simd is used on Windows alone.
	$(BIN)/golangci-lint run $$($(GO) list -f '{{.Dir}}' ./... | grep -v '/test/rig/simd')
	GOOS=windows $(BIN)/golangci-lint run ./...
	cd test/conform && GOOS=windows ../../$(BIN)/golangci-lint run ./...
	cd test/conform && ../../$(BIN)/golangci-lint run ./kube/... ./docker/... ./rig/...
	cd test/deploy && $(GO) vet ./... && $(GO) test ./...

.PHONY: windows
windows: ## vet for windows/amd64 and windows/arm64, and build
	@for arch in amd64 arm64; do \
		echo "vet: windows/$$arch"; \
		$(WINDOWS) GOARCH=$$arch $(GO) vet ./...; \
		(cd test/conform && $(WINDOWS) GOARCH=$$arch $(GO) vet ./...); \
	done
	@$(MAKE) build

.PHONY: generate
generate: ## run the generators
	$(GO) generate ./...

.PHONY: install
install: ## Wine, MinGW and tmux when they are missing (Debian, Ubuntu)
	@test/rig/install.sh

# --- the rig

# The two modules of the field are built once per version; what is in this tree, whenever go finds it changed.
$(BIN)/containerd.exe $(BIN)/ctr.exe &: $(TOOLS)/containerd/go.mod $(TOOLS)/containerd/go.sum
	@echo "rig: containerd.exe and ctr.exe $$(sed -n 's,.*containerd/containerd/v2 \(v[^ ]*\).*,\1,p' $<); a minute or two the first time"
	@mkdir -p $(BIN)
	@cd $(TOOLS)/containerd && $(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o ../../../../$(BIN)/ tool
	@touch $(BIN)/containerd.exe $(BIN)/ctr.exe

$(BIN)/containerd-shim-runhcs-v1.exe: $(TOOLS)/peer/go.mod $(TOOLS)/peer/go.sum
	@echo "rig: the peer shim of hcsshim $$(sed -n 's,.*Microsoft/hcsshim \(v[^ ]*\).*,\1,p' $<)"
	@mkdir -p $(BIN)
	@cd $(TOOLS)/peer && $(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o ../../../../$(BIN)/ tool
	@touch $@

$(BIN)/golangci-lint: $(TOOLS)/lint/go.mod $(TOOLS)/lint/go.sum
	@echo "lint: golangci-lint $$(sed -n 's,.*golangci/golangci-lint/v2 \(v[^ ]*\).*,\1,p' $<); a minute or two the first time"
	@mkdir -p $(BIN)
	@cd $(TOOLS)/lint && $(GO) build -trimpath -o ../../../../$(BIN)/ tool
	@touch $@

.PHONY: rig
rig: install build $(BIN)/containerd.exe $(BIN)/ctr.exe $(BIN)/containerd-shim-runhcs-v1.exe ## what the rig needs, into build/rig/
	@echo "rig: the simulator, its DLLs, the programs and the image"
	@$(GO) build -o $(RIGCMD) ./test/rig/rig
	@$(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o $(BIN)/simd.exe ./test/rig/simd
	@$(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o $(BIN)/winapp.exe ./test/rig/winapp
	@$(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o $(BIN)/cni.exe ./test/rig/cni
	@$(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o $(BIN)/powershell.exe ./test/rig/powershell
	@cd test/conform && $(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o ../../$(BIN)/conform.exe .
	@cd test/conform && $(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o ../../$(BIN)/cri.exe ./cri
	@cd test/conform && $(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o ../../$(BIN)/containerd-shim-control-v1.exe ./control
	@cd test/conform && $(GO) build -o ../../$(BIN)/ . ./cri
	@$(MAKE) --no-print-directory -s -C test/rig/dll OUT=$(abspath $(RIGDIR)/dll)
	@$(GO) run ./test/rig/image -winapp $(BIN)/winapp.exe -o $(IMAGE)

.PHONY: demo
demo: rig ## a container's life on real containerd, step by step
	@$(RIGCMD) demo

# A rig of its own, stopped whatever happens.
.PHONY: conform
conform: rig ## the conformance script with our shim, then the cases in which containerd is killed
	@export RIG=$(RIGDIR)/conform; \
	$(RIGCMD) wipe; trap '$(RIGCMD) down' EXIT; $(RIGCMD) up; \
	$(RIGCMD) ctr images import $(IMAGE); \
	$(RIGCMD) run $(BIN)/conform.exe -ctr 'C:\rig\ctr.exe' -runtime io.containerd.hcs.v1; \
	$(RIGCMD) run $(BIN)/conform.exe restart -runtime io.containerd.hcs.v1

.PHONY: terminal
terminal: rig ## a shell in a container, typed into under tmux as a person would
	@export RIG=$(abspath $(RIGDIR))/terminal; \
	$(RIGCMD) wipe; trap '$(RIGCMD) down' EXIT; $(RIGCMD) up; \
	$(RIGCMD) ctr images import $(IMAGE) >/dev/null </dev/null; \
	test/rig/terminal.sh $(abspath $(RIGCMD))

.PHONY: conform-long
conform-long: rig ## outputs of 1 B to 256 MiB, each to every kind of destination
	@export RIG=$(RIGDIR)/long; \
	$(RIGCMD) wipe; trap '$(RIGCMD) down' EXIT; $(RIGCMD) up; \
	$(RIGCMD) ctr images import $(IMAGE); \
	$(RIGCMD) run $(BIN)/conform.exe long -runtime io.containerd.hcs.v1

# Pods as the kubelet has them. 1.7 and 2.2 know no sandboxes of the shim's own, or crash on them (containerd, not we); so there it is the
# pause task only.
CRI ?= 1.7 2.3 2.4
FRESH = $(RIGCMD) wipe; $(RIGCMD) up --containerd $$daemon; $(RIGCMD) ctr -n k8s.io images import $(IMAGE) >/dev/null

.PHONY: cri
cri: rig ## pods through CRI, with a pause task and by the sandbox API, on containerd 1.7, 2.3 and 2.4 (ONLY=REGEX for some cases)
	@$(MAKE) older OLDER='$(filter-out 2.4,$(CRI))'; failed=; for v in $(CRI); do \
		export RIG=$(RIGDIR)/cri-$$v; daemon=$(BIN)/containerd-$$v/containerd.exe; handlers=hcs; \
		case $$v in 2.4) daemon=$(BIN)/containerd.exe; handlers='hcs hcs-sandbox';; 2.3) handlers='hcs hcs-sandbox';; esac; \
		$(FRESH); \
		for handler in $$handlers; do \
			echo "cri: handler $$handler on containerd $$v"; \
			$(RIGCMD) run $(BIN)/cri.exe -handler $$handler -run '$(ONLY)' || failed="$$failed $$v/$$handler"; \
		done; \
		$(RIGCMD) down; \
	done; [ -z "$$failed" ] || { echo "cri: failed on$$failed"; exit 1; }

# Some of them want winapp.exe beside themselves. The self-test of the DLLs takes the simulator's place, so it comes last.
.PHONY: wine
wine: rig ## the ledger's tests, every test that is built for Windows only, and the self-test of the DLLs, on the rig
	@export RIG=$(abspath $(RIGDIR)/wine); rig=$(abspath $(RIGCMD)); bin=$(abspath $(BIN)); \
	$$rig wipe; trap "$$rig down" EXIT; $$rig up; \
	for dir in task/ledger $$(find hcs test/rig -name '*_windows_test.go' -printf '%h\n' | sort -u); do \
		echo "wine: $$dir"; \
		$(WINDOWS) GOARCH=amd64 $(GO) test -c -o $$bin/$$(basename $$dir).test.exe ./$$dir; \
		(cd $$dir && $$rig run $$bin/$$(basename $$dir).test.exe -test.timeout 5m); \
	done; \
	echo "wine: test/rig/dll"; \
	$(WINDOWS) GOARCH=amd64 $(GO) build -o $$bin/selftest.exe ./test/rig/dll/selftest; \
	$$rig run $$bin/selftest.exe

# In process, over the simulator, and then on the rig. SOAK=full is ten times as long in process.
CYCLES ?= 5000

.PHONY: soak
soak: ## 200,000 execs in process (SOAK=full: 2,000,000) and 5,000 on the rig: heap, goroutines, handles before and after
	$(GO) test ./shim -run 'Soak$$' -count=1 -v -timeout 60m -soak.cycles=$(if $(filter full,$(SOAK)),2000000,200000)
	@$(MAKE) rigsoak

.PHONY: rigsoak
rigsoak: rig
	@export RIG=$(RIGDIR)/soak; \
	$(RIGCMD) wipe; trap '$(RIGCMD) down' EXIT; $(RIGCMD) up; \
	$(RIGCMD) ctr images import $(IMAGE) >/dev/null; \
	$(RIGCMD) run $(BIN)/conform.exe soak -cycles $(CYCLES)

# The seed of a round that had a finding and ROUNDS=1 bring it again. RUNTIME is run after ours, with the same rounds, and printed beside it.
SEED ?= 1
ROUNDS ?= 200
OURS := io.containerd.hcs.v1

.PHONY: torture
torture: rig ## random lives while shims and containerd are killed, HCS fails and restarts (SEED, ROUNDS, RUNTIME=io.containerd.runhcs.v1)
	@export RIG=$(RIGDIR)/torture; mkdir -p $(RIGDIR)/tally; \
	trap '$(RIGCMD) down' EXIT; tallies=; \
	for runtime in $(OURS) $(filter-out $(OURS),$(RUNTIME)); do \
		echo "torture: $$runtime"; \
		$(RIGCMD) wipe; $(RIGCMD) up $(if $(PEER),--peer $(PEER)); \
		$(RIGCMD) ctr images import $(IMAGE) >/dev/null; \
		tally=$(RIGDIR)/tally/$$runtime.json; tallies="$$tallies $$tally"; rm -f $$tally; \
		$(RIGCMD) run $(BIN)/conform.exe torture -runtime $$runtime -seed $(SEED) -rounds $(ROUNDS) -tally $$tally -v || true; \
	done; \
	$(BIN)/conform tally $$tallies

# Older daemons that are in use; the newest is the rig's own. A containerd brings its own ctr.
OLDER ?= 1.7 2.2 2.3
NEWEST ?= 2.4

.PHONY: older
older:
	@for v in $(OLDER); do \
		echo "rig: containerd.exe and ctr.exe $$v; minutes the first time"; \
		(cd $(TOOLS)/containerd-$$v && $(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o ../../../../$(BIN)/containerd-$$v/ tool); \
	done

.PHONY: versions
versions: rig older ## the conformance script on every containerd in use, with the one shim (ONLY=REGEX for some cases)
	@failed=; for v in $(OLDER) $(NEWEST); do \
		export RIG=$(RIGDIR)/containerd-$$v; daemon=$(BIN)/containerd-$$v/containerd.exe; [ $$v != '$(NEWEST)' ] || daemon=$(BIN)/containerd.exe; \
		echo "versions: the script on containerd $$v"; \
		$(RIGCMD) wipe; $(RIGCMD) up --containerd $$daemon; \
		$(RIGCMD) ctr images import $(IMAGE); \
		$(RIGCMD) run $(BIN)/conform.exe -ctr 'C:\rig\ctr.exe' -runtime io.containerd.hcs.v1 -run '$(ONLY)' || failed="$$failed $$v"; \
		$(RIGCMD) down; \
	done; [ -z "$$failed" ] || { echo "versions: failed on$$failed"; exit 1; }

comma := ,
.PHONY: upgrade
upgrade: rig older ## running tasks live through every containerd in use, from the oldest to the newest
	@export RIG=$(RIGDIR)/upgrade; \
	$(RIGCMD) wipe; trap '$(RIGCMD) down' EXIT; $(RIGCMD) up --containerd $(BIN)/containerd-$(firstword $(OLDER))/containerd.exe; \
	$(RIGCMD) ctr images import $(IMAGE); \
	$(RIGCMD) run $(BIN)/conform.exe upgrade -runtime io.containerd.hcs.v1 \
		-to '$(subst $() ,$(comma),$(strip $(foreach v,$(wordlist 2,9,$(OLDER)),Z:$(abspath $(BIN))/containerd-$v/containerd.exe) Z:$(abspath $(BIN))/containerd.exe))'

.PHONY: deploy
deploy: rig older ## containerd reads the configurations of deploy/kubernetes
	@export RIG=$(RIGDIR)/deploy; trap '$(RIGCMD) down' EXIT; $(RIGCMD) up; \
	check() { \
		$(RIGCMD) run $$1 -c "Z:$(CURDIR)/deploy/kubernetes/$$2" config dump >$(RIGDIR)/dump.toml </dev/null; \
		(cd test/deploy && $(GO) run ./dumped ../../deploy/kubernetes/$$2 ../../$(RIGDIR)/dump.toml); \
		echo "deploy: $$1 has all of $$2"; \
	}; \
	check $(BIN)/containerd.exe containerd-2.toml; \
	for v in $(OLDER); do check $(BIN)/containerd-$$v/containerd.exe containerd-$$([ $$v = 1.7 ] && echo 1.7 || echo 2).toml; done

# The table decides: a failing peer is news, not an error of make.
.PHONY: peer
peer: rig ## the conformance script with our shim, the peer (PEER=EXE for another one) and the control, side by side
	@export RIG=$(RIGDIR)/peer; \
	$(RIGCMD) wipe; trap '$(RIGCMD) down' EXIT; $(RIGCMD) up $(if $(PEER),--peer $(PEER)); \
	$(RIGCMD) ctr images import $(IMAGE); \
	for runtime in hcs runhcs control; do \
		echo "peer: io.containerd.$$runtime.v1"; \
		$(RIGCMD) run $(BIN)/conform.exe -ctr 'C:\rig\ctr.exe' -runtime io.containerd.$$runtime.v1 \
			-json $(RIGDIR)/peer/log/$$runtime.json || true; \
	done; \
	$(BIN)/conform table $(RIGDIR)/peer/log/hcs.json $(RIGDIR)/peer/log/runhcs.json $(RIGDIR)/peer/log/control.json; \
	$(RIGCMD) ctr -n k8s.io images import $(IMAGE) >/dev/null; \
	for handler in hcs runhcs control; do \
		echo "peer: pods, handler $$handler"; \
		$(RIGCMD) run $(BIN)/cri.exe -handler $$handler -json $(RIGDIR)/peer/log/cri-$$handler.json || true; \
	done; \
	$(BIN)/cri table $(RIGDIR)/peer/log/cri-hcs.json $(RIGDIR)/peer/log/cri-runhcs.json $(RIGDIR)/peer/log/cri-control.json

# --- a Kubernetes node

# Its programs are built once per version, half an hour on two processors, into ~/.cache.
KUBE      := $(TOOLS)/kubernetes/build.sh
KUBERIG   := $(abspath $(RIGDIR))/kube
KUBEIMAGE := $(RIGDIR)/kube-image.tar

.PHONY: kube-image
kube-image: rig
	@programs=$$(GO='$(GO)' $(KUBE)); $(GO) run ./test/rig/image -winapp $(BIN)/winapp.exe -agnhost $$programs/agnhost.exe -o $(KUBEIMAGE)

.PHONY: kube-up
kube-up: kube-image ## a Kubernetes cluster whose one node is this rig; it stays, and how to use it is printed
	@export RIG=$(KUBERIG); programs=$$($(KUBE)); \
	usage=$$($(RIGCMD) kube-up $$programs); \
	$(RIGCMD) ctr -n k8s.io images import $(KUBEIMAGE) >/dev/null </dev/null; \
	echo "$$usage"

.PHONY: kube-down
kube-down: ## stop that cluster and remove it
	@[ ! -x $(RIGCMD) ] || RIG=$(KUBERIG) $(RIGCMD) wipe

# What looks at the cluster is not part of the rig: its packages take minutes of their own, the first time.
KUBETEST = programs=$$($(KUBE)); (cd test/conform && $(GO) build -o ../../$(BIN)/ ./kube)
KUBEFRESH = $(RIGCMD) wipe; $(RIGCMD) kube-up $$programs >/dev/null </dev/null; \
	$(RIGCMD) ctr -n k8s.io images import $(KUBEIMAGE) >/dev/null </dev/null

.PHONY: kube
kube: kube-image ## a Kubernetes node on this machine: a session with kubectl, step by step (half an hour the first time, then minutes)
	@export RIG=$(abspath $(RIGDIR))/kube-show; $(KUBETEST); \
	trap '$(RIGCMD) down' EXIT; began=$$SECONDS; $(KUBEFRESH); \
	$(BIN)/kube show -kubectl $$programs/kubectl; \
	echo "kube: $$((SECONDS - began)) s from nothing to the end, once all is built"

# The control fails each case, and nothing that it holds goes.
CONTROL = -limit 20s -patience 3s

# The table decides: a failing peer is news, not an error of make.
.PHONY: test-kube
test-kube: kube-image ## the cases of a Kubernetes node with both ways of ours, the peer and the control (RUNTIME='hcs runhcs', ONLY=REGEX for some)
	@export RIG=$(abspath $(RIGDIR))/kube-test; mkdir -p $(RIGDIR)/kube-results; $(KUBETEST); \
	trap '$(RIGCMD) down' EXIT; results=; \
	for class in $(or $(RUNTIME),hcs hcs-sandbox runhcs control); do \
		echo "test-kube: runtime class $$class"; \
		$(KUBEFRESH); \
		result=$(RIGDIR)/kube-results/$$class.json; rm -f $$result; results="$$results $$result"; \
		$(BIN)/kube -runtime-class $$class -run '$(ONLY)' -json $$result $$([ $$class != control ] || echo $(CONTROL)) </dev/null || true; \
	done; \
	$(BIN)/kube table $$results

.PHONY: kube-short
kube-short: kube-image ## the short form of it, without the peer
	@export RIG=$(abspath $(RIGDIR))/kube-short; $(KUBETEST); trap '$(RIGCMD) down' EXIT; $(KUBEFRESH); \
	$(BIN)/kube -short </dev/null; \
	$(BIN)/kube -runtime-class hcs-sandbox -run '^(deployment/rolls-out|stop/event|upheaval/shim|end/)' </dev/null

# --- a Docker engine

# dockerd.exe is built once per version, minutes on two processors, into ~/.cache.
DOCKERMOD := $(TOOLS)/docker
DOCKERKEY := $(shell sed -n 's,.*moby/moby/v2 \(v[^ ]*\).*,\1,p' $(DOCKERMOD)/go.mod)-$(shell cat $(DOCKERMOD)/go.mod $(DOCKERMOD)/go.sum | sha256sum | cut -c 1-12)
DOCKERD   := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/containerd-shim-hcs/docker-$(DOCKERKEY)/dockerd.exe
DOCKERRIG := $(abspath $(RIGDIR))/docker

$(DOCKERD):
	@echo "docker: dockerd.exe $(DOCKERKEY); minutes, and only this once"
	@mkdir -p $(dir $@)
	@cd $(DOCKERMOD) && $(WINDOWS) GOARCH=amd64 $(GO) build $(STRIP) -o $@.new github.com/moby/moby/v2/cmd/dockerd
	@mv $@.new $@

.PHONY: docker-up
docker-up: rig $(DOCKERD) ## a Docker engine for Windows containers on the rig; it stays, and how to use it is printed
	@RIG=$(DOCKERRIG) $(RIGCMD) docker-up $(DOCKERD)

.PHONY: docker-down
docker-down: ## stop that engine and remove it
	@[ ! -x $(RIGCMD) ] || RIG=$(DOCKERRIG) $(RIGCMD) wipe

DOCKERTEST = (cd test/conform && $(GO) build -o ../../$(BIN)/ ./docker)
DOCKERFRESH = $(RIGCMD) wipe; $(RIGCMD) docker-up $(DOCKERD) >/dev/null </dev/null

.PHONY: docker
docker: rig $(DOCKERD) ## a Docker engine on this machine: a session with the docker command, step by step
	@export RIG=$(abspath $(RIGDIR))/docker-show; $(DOCKERTEST); cli=$$($(DOCKERMOD)/cli.sh); \
	trap '$(RIGCMD) down' EXIT; $(DOCKERFRESH); \
	$(BIN)/docker show -images $(IMAGE) -docker $$cli

# The table decides: a failing peer is news, not an error of make.
.PHONY: test-docker
test-docker: rig $(DOCKERD) ## the cases of a Docker engine with our shim, the peer and the control (RUNTIME='hcs', ONLY=REGEX for some)
	@export RIG=$(abspath $(RIGDIR))/docker-test; mkdir -p $(RIGDIR)/docker-results; $(DOCKERTEST); \
	trap '$(RIGCMD) down' EXIT; results=; \
	for runtime in $(or $(RUNTIME),hcs runhcs control); do \
		echo "test-docker: runtime io.containerd.$$runtime.v1"; \
		$(DOCKERFRESH); \
		result=$(RIGDIR)/docker-results/$$runtime.json; rm -f $$result; results="$$results $$result"; \
		$(BIN)/docker -images $(IMAGE) -runtime io.containerd.$$runtime.v1 -run '$(ONLY)' -json $$result $$([ $$runtime != control ] || echo $(CONTROL)) </dev/null || true; \
	done; \
	$(BIN)/docker table $$results

.PHONY: docker-short
docker-short: rig $(DOCKERD) ## the short form of it, without the peer
	@export RIG=$(abspath $(RIGDIR))/docker-short; $(DOCKERTEST); trap '$(RIGCMD) down' EXIT; $(DOCKERFRESH); \
	$(BIN)/docker -images $(IMAGE) -short </dev/null

.PHONY: clean
clean: ## stop the rigs and remove build/
	@for processes in $(RIGDIR)/*/processes; do \
		if [ -e "$$processes" ]; then RIG=$$(dirname "$$processes") $(RIGCMD) down; fi; \
	done
	rm -rf build
