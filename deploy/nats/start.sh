#!/bin/sh
# Starts NATS with the passwords of its users, from secret files: nats-server reads them from its environment, which
# only this process sees.
#
#   SECRETS    folder with nats-<user>, one password each   /run/secrets
#   NATS_DATA  folder for the streams                       /data
#
# Arguments go to nats-server: of several servers each has a name, and routes to the others (deploy/README.md).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
secrets=${SECRETS:-/run/secrets}

# password prints one user's password.
password() {
    file=$secrets/nats-$1
    [ -s "$file" ] || { echo "nats: no password in $file: run scripts/secrets.sh" >&2; exit 1; }
    tr -d '\r\n' <"$file"
}

NATS_OPS_PASSWORD=$(password ops)
NATS_PBX_PASSWORD=$(password pbx)
NATS_LICENSE_PASSWORD=$(password license)
NATS_DEVICE_COUNTER_PASSWORD=$(password device-counter)
NATS_MAILER_PASSWORD=$(password mailer)
NATS_NAME_SYNC_PASSWORD=$(password name-sync)
NATS_PORTAL_PASSWORD=$(password portal)
NATS_DATA=${NATS_DATA:-/data}
export NATS_OPS_PASSWORD NATS_PBX_PASSWORD NATS_LICENSE_PASSWORD NATS_DEVICE_COUNTER_PASSWORD NATS_MAILER_PASSWORD \
    NATS_NAME_SYNC_PASSWORD NATS_PORTAL_PASSWORD NATS_DATA

exec nats-server --config "$here/nats.conf" "$@"
