#!/usr/bin/env bash
# Writes what each program is made of, in bin/sbom (or the folder named): <program>.cdx.json, CycloneDX. It is read from
# the binary itself, built as deploy/Dockerfile builds it: `go version -m` shows the same.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

folder=${1:-bin/sbom}
lister=$(tool "$cyclonedx_gomod")
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
mkdir -p "$folder"
while read -r program; do
    build_program "$program" "$built"
    "$lister" bin -json -output "$folder/$program.cdx.json" "$built/$program" 2>"$built/said" || { cat "$built/said" >&2; exit 1; }
    echo "$folder/$program.cdx.json"
done < <(programs)
