#!/usr/bin/env bash
# Says which images of docker-compose.yml and deploy/Dockerfile are not pinned by digest, and what to type. A tag can be
# pointed at something else; a digest cannot. With --pin it writes the digests that the registries name now, by docker.
#
# The files here have tags only: they were written where no registry could be reached, and a digest that nobody has looked
# up is worth nothing. Pin them where you deploy from, and again with every update. Exit code 1: one is not pinned.
set -euo pipefail
source "$(dirname "$0")/modules.sh"

files=(docker-compose.yml deploy/Dockerfile)
go_version=$(sed -n 's/^ARG GO=//p' deploy/Dockerfile)

# images prints "file image", an image a line; those that are built here have no digest before they are.
images() {
    local file
    for file in "${files[@]}"; do
        sed -nE 's/^ *image: ([^ ]+).*/\1/p; s/^FROM ([^ ]+).*/\1/p' "$file" | grep -vE '^(softphone/|scratch$)' | sort -u | sed "s|^|$file |"
    done
}

unpinned=0
while read -r file image; do
    [[ $image == *@sha256:* ]] && continue
    real=${image//'${GO}'/$go_version}
    if [ "${1:-}" = --pin ]; then
        digest=$(docker buildx imagetools inspect "$real" --format '{{.Manifest.Digest}}')
        [[ $digest == sha256:* ]] || { echo "$real: no digest, but: $digest" >&2; exit 1; }
        escaped=$(printf %s "$image" | sed 's/[.$(){}]/\\&/g')
        sed -i -E "s#^( *image: |FROM )$escaped( .*)?\$#\1$image@$digest\2#" "$file"
        echo "$file: $image@$digest"
        continue
    fi
    unpinned=1
    echo "$file: $image is not pinned: docker buildx imagetools inspect $real --format '{{.Manifest.Digest}}'"
done < <(images)
[ $unpinned -eq 0 ] || echo "scripts/images.sh --pin writes all of them" >&2
exit $unpinned
