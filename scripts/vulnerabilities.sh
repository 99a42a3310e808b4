#!/usr/bin/env bash
# Looks up whether a program that is shipped, or the Go it was built with, has a known vulnerability: govulncheck on each
# binary. Arguments are programs; none: all.
#
# Exit codes: 0 none is known; 3 there is one, shown above; 2 NOT CHECKED, because the database or the tool could not be
# reached. Nothing else counts as passed. VULN_DB names a copy of the database: https://vuln.go.dev, or file:///folder.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

database=${VULN_DB:-https://vuln.go.dev}
not_checked() {
    echo "NOT CHECKED for vulnerabilities: $1" >&2
    exit 2
}

checker=$(tool "$govulncheck") || not_checked "govulncheck could not be installed"
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
[ $# -gt 0 ] || mapfile -t all < <(programs)
found=0
for program in "${@:-${all[@]}}"; do
    build_program "$program" "$built" || not_checked "$program does not build"
    code=0
    said=$("$checker" -db "$database" -mode binary "$built/$program" 2>&1) || code=$?
    case $code in
    0) echo "none known: $program" ;;
    3) printf '%s: %s\n' "$program" "$said" && found=3 ;;
    *) not_checked "$program, with $database: $said. Without access to it, copy https://vuln.go.dev/vulndb.zip here, and set VULN_DB=file:///its/folder" ;;
    esac
done
exit $found
