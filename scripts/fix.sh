#!/usr/bin/env bash
# Repairs what verify.sh checks, where a tool can: the counterpart of each check that has one.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

go fix work
git ls-files --cached --others --exclude-standard -z -- '*.go' | xargs -0 -r gofmt -w
go work sync
modules | while read -r module; do
    (cd "$module" && GOWORK=off go mod tidy)
done
go run ./services/acceptance/configuration .
bash scripts/lint.sh --fix
