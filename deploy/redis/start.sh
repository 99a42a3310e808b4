#!/bin/sh
# Starts Redis with one user for each worker. Redis reads no environment variables in its configuration, so the users
# are written here, from secret files. Only SHA-256 hashes of the passwords are in the users file, and none is ever
# on a command line.
#
#   SECRETS     folder with redis-<user>, one password each       /run/secrets
#   REDIS_RUN   folder for the users file, best in memory         /run/redis
#   REDIS_DATA  folder for the append-only file                   /data
#   REDIS_PORT                                                    6379
#
# With TLS, and no port without it, where these are set; clients then need a certificate of the authority, besides their
# password. After a renewal: CONFIG SET tls-cert-file <the same name> reads the files again.
#
#   TLS_CERT_FILE, TLS_KEY_FILE, TLS_CA_FILE   this server's certificate, its key, and the authority of its clients
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)
secrets=${SECRETS:-/run/secrets}
users=${REDIS_RUN:-/run/redis}/users.acl

# hash prints the hash of one user's password.
hash() {
    file=$secrets/redis-$1
    [ -s "$file" ] || { echo "redis: no password in $file: run scripts/secrets.sh" >&2; exit 1; }
    tr -d '\r\n' <"$file" | sha256sum | cut -d ' ' -f 1
}

# worker prints the users file's line for a worker: its own keys in every partition (the braces are part of the key,
# Redis Cluster's hash tag), what reading and committing states takes, and what the second argument adds.
worker() {
    digest=$(hash "$1")
    echo "user $1 on #$digest resetchannels ~softphone:{p*}:$1:* -@all" \
        "+hgetall +hget +hmget +hset +hdel +del" \
        "+eval +evalsha +script|load +script|exists" \
        "+ping +select +client|setname +client|id" \
        "+cluster|slots +cluster|shards +cluster|nodes +readonly +command" "${2:-}"
}

{
    echo "user default off resetpass resetkeys resetchannels -@all"
    worker license
    worker device-counter
    worker name-sync
    # Besides its view: sessions, tokens and what failed sign-ins cost.
    worker portal "~softphone:portal:* +exists +pttl +get +set +getdel +getex +setnx +hincrby +rpush +lpop +ltrim +expire +pexpire +time +multi +exec"
    digest=$(hash ops)
    echo "user ops on #$digest allkeys allchannels +@all"
    # For the container's own health check: may ask whether the server answers, and nothing else.
    echo "user health on nopass resetkeys resetchannels -@all +ping"
} >"$users"

set -- --aclfile "$users" --dir "${REDIS_DATA:-/data}"
port=${REDIS_PORT:-6379}
if [ -n "${TLS_CERT_FILE:-}" ]; then
    set -- "$@" --port 0 --tls-port "$port" --tls-auth-clients yes --tls-protocols "TLSv1.2 TLSv1.3" \
        --tls-cert-file "$TLS_CERT_FILE" --tls-key-file "${TLS_KEY_FILE:?redis: set TLS_KEY_FILE}" \
        --tls-ca-cert-file "${TLS_CA_FILE:?redis: set TLS_CA_FILE to the authority of the clients}"
else
    set -- "$@" --port "$port"
fi

exec redis-server "$here/redis.conf" "$@"
