#!/usr/bin/env bash
# Everything that must hold besides the tests. Runs all checks, then fails if one did: scripts/fix.sh repairs most of them.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

failed=()

# check runs one check and remembers whether it failed.
check() {
    local name=$1 started=$SECONDS
    shift
    if "$@"; then
        echo "ok    $name ($((SECONDS - started)) s)"
    else
        echo "FAIL  $name ($((SECONDS - started)) s)"
        failed+=("$name")
    fi
}

formatted() {
    local files
    files=$(git ls-files --cached --others --exclude-standard -z -- '*.go' | xargs -0 -r gofmt -l)
    [ -z "$files" ] || { echo "not formatted: $files"; return 1; }
}

# in_each_module runs a command in every module, alone, as one who requires it would see it.
in_each_module() {
    local module status=0
    while read -r module; do
        (cd "$module" && GOWORK=off "$@") || { echo "in $module: $*"; status=1; }
    done < <(modules)
    return $status
}

# same_versions: a module that is required at two versions by two of ours is tested at one and shipped at the other.
same_versions() {
    local skewed
    skewed=$(modules | sed 's|$|/go.mod|' | xargs sed -nE 's/^(require)?[[:space:]]+([^ ]+\.[^ ]+) (v[^ ]+).*/\2 \3/p' |
        grep -v v0.0.0-00010101000000-000000000000 | sort -u | awk '{ print $1 }' | uniq -d)
    [ -z "$skewed" ] || { echo "required at more than one version: $skewed"; return 1; }
}

scripts_parse() {
    git ls-files --cached --others --exclude-standard -z -- '*.sh' .ci/run | xargs -0 -n 1 bash -n
}

check "gofmt" formatted
check "go vet" go vet work
check "go fix" go fix -diff work
check "go mod tidy, each module" in_each_module go mod tidy -diff
check "one version of everything" same_versions
check "each module builds alone" in_each_module go build -o /dev/null ./...
check "each module's tests compile alone" in_each_module go vet ./...
check "scripts parse" scripts_parse
check "lint" bash scripts/lint.sh

if [ ${#failed[@]} -gt 0 ]; then
    echo "verify failed: $(IFS=,; echo "${failed[*]}") (make fix repairs what a tool can)" >&2
    exit 1
fi
