#!/usr/bin/env bash
# Measures on this machine; services/bench says what and against what.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

bash scripts/deps.sh
mkdir -p bin
go build -o bin/ ./services/bench
exec bin/bench "$@"
