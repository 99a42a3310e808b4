#!/usr/bin/env bash
# Builds the standalone system and becomes it: Ctrl-C reaches it directly, and its exit code is make's.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

go build -o bin/ ./services/standalone/cmd/standalone ./services/softphonectl/cmd/softphonectl
exec bin/standalone
