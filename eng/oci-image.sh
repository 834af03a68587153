#!/bin/bash
# usage: oci-image.sh ROOTFS REFERENCE COMMAND_JSON OUT.tar [STOP_SIGNAL]
# An OCI image layout (image-spec image-layout.md) of one layer in a tar: ROOTFS's files, owned by root. No network, no other tool.
set -euo pipefail
rootfs=$1 reference=$2 command=$3
out=$(realpath -m "$4")
stop=${5:+,\"StopSignal\":\"$5\"}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/layout/blobs/sha256"

blob() { # FILE: moves it to its digest's place, prints "sha256:<hex> <size>"
    local hex size
    hex=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$work/layout/blobs/sha256/$hex"
    echo "sha256:$hex $size"
}

tar --create --file "$work/layer.tar" --directory "$rootfs" --numeric-owner --owner=0 --group=0 --sort=name --mtime=@0 .
diff_id=sha256:$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
gzip -n -1 "$work/layer.tar"
read -r layer layer_size < <(blob "$work/layer.tar.gz")

case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
cat > "$work/config.json" <<J
{"architecture":"$arch","os":"linux","config":{"Env":["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":$command,"WorkingDir":"/"$stop},"rootfs":{"type":"layers","diff_ids":["$diff_id"]}}
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
"annotations":{"io.containerd.image.name":"$reference","org.opencontainers.image.ref.name":"${reference##*:}"}}]}
J
tar --create --file "$out" --directory "$work/layout" oci-layout index.json blobs
