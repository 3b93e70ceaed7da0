#!/bin/sh
# Fetches the free web fonts (OFL) that training uses besides Debian's, from the npm registry.
set -eu
cd "$(dirname "$0")"
mkdir -p runs/fonts
for name in zcool-xiaowei zcool-kuaile ma-shan-zheng long-cang; do
    [ -d "runs/fonts/$name" ] && continue
    file=$(cd runs/fonts && npm pack --silent "@fontsource/$name")
    mkdir -p "runs/fonts/$name"
    tar -xzf "runs/fonts/$file" -C "runs/fonts/$name" --strip-components=1
    rm "runs/fonts/$file"
done
