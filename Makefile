# Everything starts here; `make help` says what there is. Needs root, Debian 12 (or a kin of it) and the .NET 10 SDK.
PREFIX  ?= /usr/local
DESTDIR ?=
BIN     := artifacts/bin
CHAOS   := artifacts/chaos/bin

# A build server that outlives its build would hold this machine's memory, and a pipe of a CI.
export MSBUILDDISABLENODEREUSE := 1
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

# What the binaries are made of. Directories are inputs too: a file that is deleted changes its directory.
INPUTS := $(shell find src proto Directory.Build.props Directory.Packages.props global.json eng/publish.proj eng/BannedSymbols.txt \
            \( -name bin -o -name obj \) -prune -o \( -type f -o -type d \) -print 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help prerequisites build test test-unit vm-test chaos power-loss demo run check install uninstall bench bench-quick bench-swap bench-restart lint format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

prerequisites: ## install what is missing through apt (fast when all is there)
	@eng/install-prerequisites.sh

build: $(BIN)/.built ## publish shimruntimed, shimruntime-shim and shimctl to artifacts/bin (NativeAOT)

$(BIN)/.built: $(INPUTS) | prerequisites
	@eng/publish.sh
	@touch $@

# Those that the chaos suite kills, with failpoints in them.
$(CHAOS)/.built: $(INPUTS) $(wildcard tests/Failpoints/*.cs*) | prerequisites
	@eng/publish.sh chaos
	@touch $@

test: build $(CHAOS)/.built ## every test, integration included; the last line counts them
	@eng/install-prerequisites.sh --for-tests
	@eng/publish.sh previous
	@eng/previous-shim.sh
	@eng/test.sh

test-unit: ## without the integration tests and the virtual machine
	@eng/test.sh unit

vm-test: build ## cgroup v2 in two virtual machines: a small PID 1 with cgroupfs, Debian's systemd with our unit (15 minutes)
	@eng/test.sh vm

chaos: build $(CHAOS)/.built ## every failpoint x error, delay, kill -9 of daemon and of shim (hours); a part: CHAOS_ONLY="KillShim at Runtime."
	@eng/install-prerequisites.sh --for-tests
	@eng/test.sh chaos

power-loss: build ## the daemon on every disk that a power loss may leave, of a recorded life of pulls, pods, swaps and removals (an hour)
	@eng/install-prerequisites.sh --for-tests
	@eng/test.sh power-loss

demo: build ## one pod, from nothing to nothing, shown step by step
	@eng/demo.sh

run: build ## serve in the foreground on /run/shimruntime/shimruntime.sock
	exec $(BIN)/shimruntimed

check: build ## is this machine ready?
	@$(BIN)/shimruntimed --check

install: build ## binaries, systemd unit, /etc/shimruntime/config.toml, crictl.yaml (DESTDIR and PREFIX are honoured)
	@eng/install.sh install "$(DESTDIR)" "$(PREFIX)"

uninstall: ## remove what install put there; settings and state stay
	@eng/install.sh uninstall "$(DESTDIR)" "$(PREFIX)"

bench: build ## beside containerd, in one run: starts, memory, CPU, pulls, logs (25 minutes); some of it: ARGS="--rows exec,pull --rounds 10"
	@eng/install-prerequisites.sh --for-tests
	@eng/bench.sh $(BIN) artifacts/bench $(ARGS)

bench-quick: build ## ms added to bare runc + CNI for one pod, PSS of shim and daemon at 30 containers
	@eng/busybox-image.sh artifacts/busybox.tar
	@dotnet run --project tests/Bench -c Release -v q -- quick $(BIN) artifacts/busybox.tar

bench-swap: build ## swaps of Kestrel (L1, L2) and nginx (L3) under 2,000 requests/s, and the gap of L0; shorter: BENCH_ARGS="--swaps 10"
	@eng/busybox-image.sh artifacts/busybox.tar
	@eng/example-images.sh kestrel artifacts/kestrel.tar
	@eng/example-images.sh nginx artifacts/nginx.tar
	@dotnet run --project tests/Bench -c Release -v q -- swap $(BIN) artifacts/busybox.tar artifacts/kestrel.tar artifacts/nginx.tar $(BENCH_ARGS)

bench-restart: build ## daemon and shims replaced under 100 containers that log, serve and end; kill -9 with 100 and 300; shorter: BENCH_ARGS="--upgrades 3 --rolls 1"
	@eng/busybox-image.sh artifacts/busybox.tar
	@gcc -O1 -static -o artifacts/bench-writer tests/Bench/Restart/writer.c
	@dotnet run --project tests/Bench -c Release -v q -- restart $(BIN) artifacts/busybox.tar artifacts/bench-writer $(BENCH_ARGS)

# Code style and analyzers are errors in every build; what is left to look at is white space.
lint: ## fails if formatting differs from .editorconfig
	dotnet format whitespace ShimRuntime.sln --verify-no-changes

format: ## puts formatting right
	dotnet format whitespace ShimRuntime.sln

clean: ## remove everything that was built
	rm -rf artifacts
	find src tests \( -name bin -o -name obj \) -type d -prune -exec rm -rf {} +
