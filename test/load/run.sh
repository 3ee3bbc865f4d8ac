#!/usr/bin/env bash
# Load on the whole program; `make bench` calls this. Flags are handed on: test/load/run.sh -scenario storm-one-group
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/load" ./test/load
"$bin/load" "$@"
