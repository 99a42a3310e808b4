#!/bin/sh
# Starts NATS with the passwords of its users, from secret files: nats-server reads them from its environment, which
# only this process sees.
#
#   SECRETS    folder with nats-<user>, one password each   /run/secrets
#   NATS_DATA  folder for the streams                       /data
#
# With TLS (tls.conf), and as one of several servers (cluster.conf, cluster-tls.conf):
#
#   TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE   this server's certificate, its key, and the authority of its clients
#   NATS_CLUSTER         all servers of the cluster, host:port with spaces in between   nats-1:6222 nats-2:6222
#   NATS_CLUSTER_LISTEN  where this one takes routes                                    0.0.0.0:6222
#
# Routes use the password in SECRETS/nats-route. Arguments go to nats-server: `--name nats-1` in a cluster. Not --cluster,
# which would take the routes' password away, nor --routes.
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
NATS_SETUP_PASSWORD=$(password setup)
NATS_PBX_PASSWORD=$(password pbx)
NATS_LICENSE_PASSWORD=$(password license)
NATS_DEVICE_COUNTER_PASSWORD=$(password device-counter)
NATS_MAILER_PASSWORD=$(password mailer)
NATS_NAME_SYNC_PASSWORD=$(password name-sync)
NATS_PORTAL_PASSWORD=$(password portal)
NATS_DATA=${NATS_DATA:-/data}
export NATS_OPS_PASSWORD NATS_SETUP_PASSWORD NATS_PBX_PASSWORD NATS_LICENSE_PASSWORD NATS_DEVICE_COUNTER_PASSWORD NATS_MAILER_PASSWORD \
    NATS_NAME_SYNC_PASSWORD NATS_PORTAL_PASSWORD NATS_DATA

config=nats
if [ -n "${TLS_CERT_FILE:-}" ]; then
    : "${TLS_CA_FILE:?nats: set TLS_CA_FILE to the authority of the clients}" "${TLS_KEY_FILE:?nats: set TLS_KEY_FILE}"
    config=tls
fi
if [ -n "${NATS_CLUSTER:-}" ]; then
    NATS_ROUTE_PASSWORD=$(password route)
    NATS_ROUTES=
    for server in $NATS_CLUSTER; do
        NATS_ROUTES="$NATS_ROUTES${NATS_ROUTES:+, }\"nats-route://route:$NATS_ROUTE_PASSWORD@$server\""
    done
    NATS_ROUTES="[$NATS_ROUTES]"
    NATS_CLUSTER_LISTEN=${NATS_CLUSTER_LISTEN:-0.0.0.0:6222}
    export NATS_ROUTE_PASSWORD NATS_ROUTES NATS_CLUSTER_LISTEN
    config=$([ "$config" = tls ] && echo cluster-tls || echo cluster)
fi

# A server whose disk was full stays out of service when there is room again, until it is started again; its /healthz says so
# (a write error, or JetStream not enabled). watch ends such a server as soon as there is room: whatever runs this script
# starts it again (docker-compose.yml: restart). It does nothing while the disk is full, where a start helps nobody, and
# nothing about other faults.
watch() {
    while sleep 5 && kill -0 "$1" 2>/dev/null; do
        case $(health) in
        *"write error"* | *"no space left"* | *"not enabled"*) ;;
        *) continue ;;
        esac
        room=$(df -Pk "$NATS_DATA" | awk 'NR == 2 { print $4 }')
        if [ "${room:-0}" -ge 16384 ]; then
            echo "nats: the disk was full and has room: ending the server, to be started again" >"/proc/$1/fd/2"
            kill -TERM "$1"
        fi
    done
}

# health prints what /healthz answers, of an unhealthy server too: wget of busybox would not.
health() {
    if command -v curl >/dev/null; then
        curl -s -m 3 "http://127.0.0.1:$monitor/healthz"
    else
        printf 'GET /healthz HTTP/1.0\r\n\r\n' | nc -w 3 127.0.0.1 "$monitor"
    fi
}

monitor=8222
previous=
for argument; do
    case $previous in -m | --http_port) monitor=$argument ;; esac
    previous=$argument
done
watch $$ >/dev/null 2>&1 &

exec nats-server --config "$here/$config.conf" "$@"
