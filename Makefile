# `make` alone lists what there is. Variables are set on the line: make fuzz FUZZTIME=1m

SHELL := /usr/bin/env bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# A checkout that belongs to somebody else has no version to stamp, which would fail every build.
export GOFLAGS ?= -buildvcs=false

CONFIG    ?= dogwatch.yaml
TIMEOUT   ?= 14m
FUZZTIME  ?= 10s
BENCHTIME ?= 1s
ROUNDS    ?= 500
PKG       ?= ./...

# Packages whose tests can write their goldens anew, have benchmarks, or have fuzz targets.
holding = $(sort $(dir $(shell grep -rlE --include='*_test.go' --exclude-dir=node_modules '$(1)' . || true)))
LOADS   = $(wildcard test/load/*.sh)

.PHONY: help
help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' Makefile

.PHONY: tools
tools: ## installs by name what the tests need and is missing (redis, sentinel, chromium, npm packages), or says what to install
	@.ci/tools

.PHONY: run
run: ## serves CONFIG (dogwatch.yaml)
	go run ./cmd/dogwatch serve --config.file $(CONFIG)

.PHONY: demo
demo: ## the whole product with nothing around it; prints an address and a curl line that raises an alert
	go run ./cmd/dogwatch demo

.PHONY: dev
dev: ## the demo, with the race detector and a state in .dev/ that outlives it
	go run -race ./cmd/dogwatch demo --data .dev

.PHONY: format
format: ## fails on files that gofmt would change
	@changed=$$(gofmt -l .); [ -z "$$changed" ] || { echo "gofmt would change:" $$changed; exit 1; }

.PHONY: check
check: format ## in seconds: format, vet, the import table, budgets, catalogues, the example configuration
	go vet ./...
	go test -count=1 -run '^(TestHouse|TestCatalogue|TestReadme)' ./cmd/dogwatch
	go run ./cmd/dogwatch check config.example.yaml

.PHONY: lint
lint: ## golangci-lint with .golangci.yml, which says why each linter is on; it must be installed
	golangci-lint run

.PHONY: test
test: tools format ## everything a change must pass: format, vet, all tests with the race detector, shuffled
	go vet ./...
	go vet -tags failpoint ./...
	go test -race -shuffle=on -p 2 -timeout $(TIMEOUT) $(PKG)

.PHONY: test-root
test-root: ## what needs root, network namespaces or cgroups: there is no such test yet, and this says so
	@echo "no test needs root, network namespaces or cgroups yet"

.PHONY: soak
soak: tools ## kills the built program ROUNDS times at random under load and compares the records (the tests kill it at every failpoint)
	go test -tags failpoint -count=1 -timeout 10m ./internal/failpoint
ifneq ($(wildcard test/kill/*_test.go),)
	KILL_ROUNDS=$(ROUNDS) go test -run TestRandomKills -count=1 -v -timeout 6h ./test/kill
endif

.PHONY: bench
bench: tools ## Go benchmarks and the load scripts in test/load, one line of JSON each; BENCHTIME, SHORT=1
	@go test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 10m -p 1 $(call holding,^func Benchmark) | awk -f .ci/bench.awk
	@for load in $(LOADS); do if [ -x "$$load" ]; then SHORT=$(SHORT) "$$load"; fi; done

.PHONY: fuzz
fuzz: ## every fuzz target in turn, FUZZTIME each
	@for dir in $(call holding,^func Fuzz); do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir*_test.go | cut -c6-); do \
	    echo "== $$dir $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$dir"; \
	  done; \
	done

.PHONY: golden
golden: ## writes expected outputs anew; look at `git diff` before you believe them
	@for dir in $(call holding,flag.Bool."update"); do go test -count=1 "$$dir" -update; done
