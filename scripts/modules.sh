# Sourced by the other scripts: where the modules are, and the pinned tools.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit

# Every tool that is not part of Go itself, with its one version.
# shellcheck disable=SC2034
golangci_lint=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
mailpit=github.com/axllent/mailpit@v1.31.0 # as in docker-compose.yml
cyclonedx_gomod=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0

# modules prints the folder of every module of the workspace, one a line.
modules() {
    go list -m -f '{{.Dir}}'
}

# tool installs a pinned tool once and prints its path. The version is part of the path, so a new pin is a new install.
tool() {
    local package=$1
    local name version folder
    name=$(basename "${package%@*}")
    version=${package##*@}
    folder=$root/.cache/$name-$version-$(go env GOVERSION)
    if [ ! -x "$folder/$name" ]; then
        echo "installing $name $version" >&2
        GOWORK=off GOFLAGS=-mod=mod GOBIN=$folder go install "$package" >&2
    fi
    echo "$folder/$name"
}

# programs prints the names of what is shipped, one a line.
programs() {
    local main
    for main in services/*/cmd/*/main.go; do
        basename "$(dirname "$main")"
    done
}

# build_program builds one into a folder, as deploy/Dockerfile does, but with the symbols in which vulnerable functions are
# looked for.
build_program() {
    CGO_ENABLED=0 GOWORK=off go build -C "services/$1" -trimpath -buildvcs=false -o "$2/$1" "./cmd/$1"
}
