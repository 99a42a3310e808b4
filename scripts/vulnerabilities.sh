#!/usr/bin/env bash
# Looks up whether a program that is shipped, or the Go it was built with, has a known vulnerability: govulncheck on each
# binary. Arguments are programs; none: all.
#
# Exit codes: 0 none is affected; 3 one is, shown above; 2 NOT CHECKED, because the database or the tool could not be
# reached. Nothing else counts as passed. VULN_DB names a copy of the database: https://vuln.go.dev, or file:///folder.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

database=${VULN_DB:-https://vuln.go.dev}
copy="Without access to it, unpack https://vuln.go.dev/vulndb.zip in a folder here, and set VULN_DB=file:///its/path"
not_checked() {
    echo "NOT CHECKED for vulnerabilities: $1" >&2
    exit 2
}

checker=$(tool "$govulncheck") || not_checked "govulncheck could not be installed"
# An empty folder passes for a database in which nothing is known; only its date tells, which is then of the year 1.
about=$("$checker" -db "$database" -version 2>&1) || not_checked "$database: $about. $copy"
dated=$(sed -n 's/^DB updated: //p' <<<"$about")
[[ $dated == [2-9]* ]] || not_checked "$database is no database of vulnerabilities: it has no date. $copy"
echo "$database, of $dated"

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
[ $# -gt 0 ] || mapfile -t all < <(programs)
found=0
for program in "${@:-${all[@]}}"; do
    build_program "$program" "$built" || not_checked "$program does not build"
    code=0
    said=$("$checker" -db "$database" -mode binary "$built/$program" 2>&1) || code=$?
    case $code in
    0) echo "not affected: $program" ;;
    3) printf '%s: %s\n' "$program" "$said" && found=3 ;;
    *) not_checked "$program, with $database: $said. $copy" ;;
    esac
done
exit $found
