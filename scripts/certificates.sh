#!/usr/bin/env bash
# Makes a private authority, and a certificate of it for each part of the system: in deploy/secrets/tls (or the folder
# named) a folder for each, with cert.pem, key.pem and the authority's ca.pem. Further arguments are more names for the
# servers: scripts/certificates.sh deploy/secrets/tls nats-1.example.com
#
# Repeating it renews what ends within 30 days. Our own processes read the files for every connection; NATS and Redis are
# told, see deploy/README.md. Whoever has authority/key.pem can be every part: keep it elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-deploy/secrets/tls}
shift || true
command -v openssl >/dev/null || { echo "scripts/certificates.sh needs openssl: apt-get install openssl" >&2; exit 1; }
mkdir -p "$folder"
chmod 700 "$folder"
authority=$folder/authority

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

if [ ! -s "$authority/ca.pem" ]; then
    mkdir -p -m 700 "$authority"
    (umask 077 && new_key "$authority/key.pem")
    openssl req -x509 -new -key "$authority/key.pem" -sha256 -days 3650 -out "$authority/ca.pem" -subj "/CN=softphone" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
    echo "made $authority" >&2
fi

# issue writes a part's files, each at once: a reader sees the old one or the new one. The certificate is for a client,
# and for a server that is reached by its part's name, as localhost, or by one of the names given.
issue() {
    local part=$1 here=$folder/$1 names=DNS:$1,DNS:localhost,IP:127.0.0.1 name file
    shift
    for name in "$@"; do names+=,DNS:$name; done
    openssl x509 -checkend $((30 * 86400)) -noout -in "$here/cert.pem" >/dev/null 2>&1 && return
    [ -s "$authority/key.pem" ] || { echo "$part needs a certificate: bring $authority/key.pem here, and repeat" >&2; exit 1; }
    mkdir -p -m 755 "$here"
    new_key "$here/key.pem.new"
    openssl req -new -key "$here/key.pem.new" -subj "/CN=$part" |
        openssl x509 -req -CA "$authority/ca.pem" -CAkey "$authority/key.pem" -sha256 -days 365 -out "$here/cert.pem.new" 2>/dev/null -extfile <(
            printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "$names")
    cp "$authority/ca.pem" "$here/ca.pem.new"
    for file in key cert ca; do
        # Readable, as the passwords are: only the owner may enter the folder above, and each of these is mounted alone into
        # a container with a user of its own.
        chmod 444 "$here/$file.pem.new"
        mv -f "$here/$file.pem.new" "$here/$file.pem"
    done
    echo "made $here" >&2
}

for part in nats redis portal; do issue "$part" "$@"; done
for part in license device-counter mailer name-sync ops; do issue "$part"; done
