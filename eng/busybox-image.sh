#!/bin/bash
# usage: busybox-image.sh OUT.tar [BUSYBOX]
# Makes an OCI image from the machine's own static busybox: no network, no other tool.
# The image is named shimruntime.local/busybox:latest, runs `sh`, and has a page in /www for `httpd -h /www`.
set -euo pipefail
out=$(realpath -m "$1")
busybox=${2:-$(command -v busybox)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/rootfs/{bin,etc,www,root,dev,proc,sys,var,usr}
mkdir -m 1777 "$work/rootfs/tmp"
cp "$busybox" "$work/rootfs/bin/busybox"
for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/rootfs/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$work/rootfs/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$work/rootfs/etc/group"
echo 'Hello from a pod of ShimRuntime.' > "$work/rootfs/www/index.html"
"$(dirname "$0")/oci-image.sh" "$work/rootfs" shimruntime.local/busybox:latest '["sh"]' "$out"
