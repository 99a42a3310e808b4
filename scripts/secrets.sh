#!/usr/bin/env bash
# Makes a password for each user of NATS and Redis that has none yet, the key that seals stored passwords, the one that
# admits mails that come back, and the token with which Prometheus reads metrics, in deploy/secrets (or the folder named). Further arguments are further passwords: `scripts/secrets.sh deploy/secrets
# nats-route` makes the one of a cluster's routes. API tokens are the portal's to make: deploy/README.md.
# To rotate one, delete its file, run this again, and restart what uses it: deploy/README.md.
set -euo pipefail

cd "$(dirname "$0")/.."
folder=${1:-deploy/secrets}
shift || true

# Only the owner may enter the folder. The files in it are readable, because each is mounted alone into a container
# that runs as a user of its own: with 0600 that user could not read it.
mkdir -p "$folder"
chmod 700 "$folder"

for name in nats-{ops,setup,pbx,license,device-counter,mailer,name-sync,portal} redis-{ops,license,device-counter,name-sync,portal} portal-credentials mailer-bounces ops-token "$@"; do
    file=$folder/$name
    [ -s "$file" ] && continue
    # 160 random bits. The letter before them keeps nats-server from reading a number.
    printf 's%s' "$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')" >"$file"
    chmod 444 "$file"
    echo "made $file" >&2
done
