#!/bin/sh
# Builds the image and tries it on a Debian machine that has no container engine, from a clean tree:
#
#     docker/verify.sh [TREE]
#
# TREE is a folder with the sources; by default what git has at HEAD. Needs root, and the Debian packages buildah,
# debootstrap, iproute2 and python3. Every RUN step needs the package indexes that apt and pip are set up for.
#
#     SUITE          Debian release of the base image (bookworm)
#     WORK           folder for the base and the images, kept when given; else a new one, removed at the end
#     BUILD_OPTIONS  more options for `buildah build`, such as --build-arg PIP_INDEX_URL=... or --volume ...
set -eu

here=$(cd "$(dirname "$0")" && pwd)
suite=${SUITE:-bookworm}

[ "$(id -u)" = 0 ] || { echo "verify.sh makes namespaces and a base system: run it as root" >&2; exit 1; }
for tool in buildah debootstrap ip python3 unshare; do
    command -v "$tool" >/dev/null || { echo "verify.sh needs $tool: install the Debian package that has it" >&2; exit 1; }
done
if [ -n "${WORK:-}" ]; then
    mkdir -p "$WORK"
    work=$(cd "$WORK" && pwd)
else
    work=$(mktemp -d)
fi

images() {
    buildah --root "$work/storage" --runroot "$work/runroot" --storage-driver vfs "$@"
}

build() { # TREE NAME
    # shellcheck disable=SC2086  # several options in one variable
    images build --isolation chroot --format docker --build-arg BASE=localhost/base ${BUILD_OPTIONS:-} \
        -f "$1/docker/Dockerfile" -t "$2" "$1"
}

leave() {
    images rm --all >/dev/null 2>&1 || true
    images rmi --prune >/dev/null 2>&1 || true
    rm -rf "$work/tree" "$work/no-model"
    [ -n "${WORK:-}" ] || rm -rf "$work"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

echo "== sources"
rm -rf "$work/tree" "$work/no-model"
mkdir "$work/tree"
if [ $# -gt 0 ]; then
    tree=$(cd "$1" && pwd)
else
    tree=$work/tree
    git -C "$here/.." archive HEAD | tar -x -C "$tree"
fi

echo "== base: Debian $suite, without Python"
if [ ! -e "$work/base/.complete" ]; then
    rm -rf "$work/base"
    debootstrap --variant=minbase "$suite" "$work/base" >"$work/debootstrap.log" \
        || { tail -5 "$work/debootstrap.log" >&2; exit 1; }
    rm -rf "$work/base"/var/cache/apt/archives/*.deb "$work/base"/var/lib/apt/lists/*
    touch "$work/base/.complete"
fi
scratch=$(images from scratch)
images add -q "$scratch" "$work/base" / >/dev/null
images commit -q --rm "$scratch" base >/dev/null

echo "== a tree without a model is refused"
mkdir -p "$work/no-model/docker"
cp "$tree/pyproject.toml" "$tree/.dockerignore" "$work/no-model"
cp "$tree/docker/Dockerfile" "$work/no-model/docker"
if build "$work/no-model" refused >"$work/refused.log" 2>&1; then
    echo "an image without a model was built" >&2
    exit 1
fi
grep '^models/ holds no model package' "$work/refused.log" || { tail -5 "$work/refused.log" >&2; exit 1; }

echo "== image"
build "$tree" ocrsvc >"$work/build.log" 2>&1 || { tail -30 "$work/build.log" >&2; exit 1; }
images images

echo "== container"
container=$(images from ocrsvc)
rootfs=$(images mount "$container")
images inspect --type image ocrsvc >"$work/image.json"
touch "$work/before"
unshare --mount --net python3 "$here/trial.py" "$rootfs" "$work/image.json" "$here/../docs/samples/invoice.png"
written=$(find "$rootfs" -xdev -newer "$work/before" ! -path "$rootfs")
[ -z "$written" ] || { echo "written in the image: $written" >&2; exit 1; }
echo "ok: nothing in the image was changed"
