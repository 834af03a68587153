#!/bin/bash
# usage: busybox-image.sh OUT.tar [BUSYBOX]
# Makes an OCI image layout (image-spec image-layout.md) in a tar from the machine's own static busybox: no network, no other tool.
# The image is named shimruntime.local/busybox:latest, runs `sh`, and has a page in /www for `httpd -h /www`.
set -euo pipefail
out=$(realpath -m "$1")
busybox=${2:-$(command -v busybox)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/rootfs/{bin,etc,www,root,dev,proc,sys,var,usr} "$work"/layout/blobs/sha256
mkdir -m 1777 "$work/rootfs/tmp"
cp "$busybox" "$work/rootfs/bin/busybox"
for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/rootfs/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$work/rootfs/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$work/rootfs/etc/group"
echo 'Hello from a pod of ShimRuntime.' > "$work/rootfs/www/index.html"

blob() { # FILE: moves it to its digest's place, prints "sha256:<hex> <size>"
    local hex size
    hex=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$work/layout/blobs/sha256/$hex"
    echo "sha256:$hex $size"
}

tar --create --file "$work/layer.tar" --directory "$work/rootfs" --numeric-owner --owner=0 --group=0 --sort=name --mtime=@0 .
diff_id=sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
gzip -n -1 "$work/layer.tar"
read -r layer layer_size < <(blob "$work/layer.tar.gz")

case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
cat > "$work/config.json" <<J
{"architecture":"$arch","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["sh"],"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["$diff_id"]}}
J
read -r config config_size < <(blob "$work/config.json")
cat > "$work/manifest.json" <<J
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"$config","size":$config_size},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"$layer","size":$layer_size}]}
J
read -r manifest manifest_size < <(blob "$work/manifest.json")
echo '{"imageLayoutVersion":"1.0.0"}' > "$work/layout/oci-layout"
cat > "$work/layout/index.json" <<J
{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"$manifest","size":$manifest_size,
"annotations":{"io.containerd.image.name":"shimruntime.local/busybox:latest","org.opencontainers.image.ref.name":"latest"}}]}
J
tar --create --file "$out" --directory "$work/layout" oci-layout index.json blobs
