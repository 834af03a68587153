#!/bin/bash
# usage: example-images.sh kestrel|nginx OUT.tar
# Images of docs/examples: shimruntime.local/kestrel:v1 (published here) and shimruntime.local/nginx:v1 (Debian's package, unpacked, not installed).
# Each is the program, the shared libraries that it needs, and a /tmp.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
out=$(realpath -m "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rootfs=$work/rootfs
mkdir -p "$rootfs"/{etc,dev,proc,sys,run,var/log/nginx,usr}
mkdir -m 1777 "$rootfs/tmp"
printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$rootfs/etc/passwd"
printf 'root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n' > "$rootfs/etc/group"

add() { # PROGRAM PLACE: with its libraries, each where the linker looks for it
    install -D -m 755 "$1" "$rootfs$2"
    ! ldd "$1" | grep 'not found' >&2 || { echo "example-images.sh: $1 lacks a library on this machine" >&2; exit 1; }
    ldd "$1" | grep -oE '/[^ ]+' | while read -r library; do
        [ -e "$rootfs$library" ] || install -D -m 755 "$(realpath "$library")" "$rootfs$library"
    done
}

case $name in
    kestrel)
        dotnet publish docs/examples/kestrel -c Release -v quiet --nologo -o "$work/published" > "$work/log" || { cat "$work/log" >&2; exit 1; }
        add "$work/published/kestrel-server" /usr/bin/kestrel-server
        command='["/usr/bin/kestrel-server"]' stop=SIGTERM
        ;;
    nginx)
        (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download nginx > /dev/null && dpkg -x nginx_*.deb unpacked)
        add "$work/unpacked/usr/sbin/nginx" /usr/sbin/nginx
        mkdir -p "$rootfs"/var/lib/nginx
        install -D -m 644 docs/examples/nginx/nginx.conf "$rootfs/etc/nginx/nginx.conf"
        command='["/usr/sbin/nginx"]' stop=SIGQUIT # answers what it has accepted; its SIGTERM drops it
        ;;
    *) echo "example-images.sh: no example '$name'" >&2; exit 2 ;;
esac
eng/oci-image.sh "$rootfs" "shimruntime.local/$name:v1" "$command" "$out" "$stop"
