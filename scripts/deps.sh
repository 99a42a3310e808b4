#!/usr/bin/env bash
# Makes sure of what the tests need and Go does not bring: a real redis-server, and a C compiler for the race detector.
# As root on Debian it installs them; elsewhere it says what to install, in one line, and fails.
set -euo pipefail

packages=()
command -v redis-server >/dev/null || packages+=(redis-server)
command -v "$(go env CC)" >/dev/null || packages+=(gcc libc6-dev)
[ ${#packages[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "make test needs ${packages[*]}, on Debian or Ubuntu: sudo apt-get install ${packages[*]}" >&2
    exit 1
fi

echo "installing ${packages[*]} with apt-get" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}" >>"$log" 2>&1 </dev/null
}
# A fresh image has no package lists at all; a machine in use has them, and needs no update.
if ! install; then
    apt-get update >>"$log" 2>&1 </dev/null || true
    install || { cat "$log" >&2; exit 1; }
fi
