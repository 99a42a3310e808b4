#!/usr/bin/env bash
# Makes sure of what the tests need and Go does not bring: a real redis-server, a C compiler for the race detector,
# Chromium, and axe-core, which judges the pages in it; Postfix and another implementation of DKIM, which judge what the
# mailer sends; SpamAssassin and Mailpit, which judge what it says; openssl and curl, which scripts and tests call. As root
# on Debian it installs them; elsewhere it says what to install, in one line, and fails. Mailpit is built from its module,
# once: a minute of processor time.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

# The version is part of the path, so a new pin is a new install. The browser tests name the same path.
axe_version=4.14.1
axe_folder=.cache/axe-core-$axe_version
has_axe() { [ -f "$axe_folder/node_modules/axe-core/axe.min.js" ]; }
install_axe() {
    has_axe && return
    echo "installing axe-core $axe_version with npm" >&2
    mkdir -p "$axe_folder"
    npm install --prefix "$axe_folder" --ignore-scripts --no-audit --no-fund --silent "axe-core@$axe_version"
}

packages=()
command -v redis-server >/dev/null || packages+=(redis-server)
command -v "$(go env CC)" >/dev/null || packages+=(gcc libc6-dev)
command -v openssl >/dev/null || packages+=(openssl)
command -v curl >/dev/null || packages+=(curl)
[ -x /usr/sbin/postfix ] || packages+=(postfix)
[ -x /usr/sbin/saslpasswd2 ] || packages+=(sasl2-bin libsasl2-modules)
/usr/bin/python3 -c 'import dkim, nacl' 2>/dev/null || packages+=(python3-dkim)
[ -x /usr/bin/chromium ] || packages+=(chromium fonts-liberation)
command -v spamassassin >/dev/null || packages+=(spamassassin)
has_axe || command -v npm >/dev/null || packages+=(npm)
if [ ${#packages[@]} -eq 0 ]; then
    install_axe
    tool "$mailpit" >/dev/null
    exit
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "make test needs ${packages[*]}, on Debian or Ubuntu: sudo apt-get install ${packages[*]}" >&2
    exit 1
fi

echo "installing ${packages[*]} with apt-get" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Postfix is for instances of the tests' own: the machine's gets no configuration, without which it does not start.
unconfigured() {
    command -v debconf-set-selections >/dev/null || return 0
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
}
install() {
    case " ${packages[*]} " in *" postfix "*) unconfigured >>"$log" 2>&1 ;; esac
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}" >>"$log" 2>&1 </dev/null
}
# A fresh image has no package lists at all; a machine in use has them, and needs no update.
if ! install; then
    apt-get update >>"$log" 2>&1 </dev/null || true
    install || { cat "$log" >&2; exit 1; }
fi
install_axe
tool "$mailpit" >/dev/null
