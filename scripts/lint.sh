#!/usr/bin/env bash
# Runs golangci-lint (.golangci.yml) over every module. Its first run installs it, about 75 seconds on two cores.
# Arguments go to golangci-lint: scripts/lint.sh --fix
set -euo pipefail
source "$(dirname "$0")/modules.sh"

linter=$(tool "$golangci_lint")
mapfile -t packages < <(modules | sed "s|^$root/|./|; s|$|/...|")
"$linter" run "$@" "${packages[@]}"
