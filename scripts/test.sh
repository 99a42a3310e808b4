#!/usr/bin/env bash
# Runs the tests of every module. Arguments go to go test: scripts/test.sh -run Permissions
set -euo pipefail
source "$(dirname "$0")/modules.sh"

bash scripts/deps.sh

# The chaos tests take minutes under the race detector on two cores; a test that hangs must still end well before CI does.
tests=(go test -race -timeout 15m "$@" work)

if [ ! -t 1 ]; then
    exec "${tests[@]}"
fi

# On a terminal: how many packages are through, on a line that go test's own lines overwrite.
total=$(go list work | wc -l)
"${tests[@]}" 2>&1 | {
    ended=0
    while IFS= read -r line; do
        printf '\r\033[K%s\n' "$line"
        [[ $line =~ ^(ok|FAIL|\?)[[:space:]]+[a-z]+\.[a-z]+/ ]] && ended=$((ended + 1))
        printf '%d of %d packages' "$ended" "$total"
    done
    printf '\r\033[K'
}
