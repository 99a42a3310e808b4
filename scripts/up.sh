#!/usr/bin/env bash
# Starts the containers and waits until every one of them is healthy.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

bash scripts/secrets.sh
case ${COMPOSE_FILE:-} in *docker-compose.tls.yml*) bash scripts/certificates.sh ;; esac
docker compose up --build --detach --wait
echo "running: the caught mail is at http://127.0.0.1:8025, deploy/README.md says the rest"
