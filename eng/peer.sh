#!/bin/bash
# usage: peer.sh DIR
# The runtime that `make bench` measures beside ours: Debian's containerd, its package unpacked into DIR and not installed (no service, no file of the
# system's), and the image of a pause program for it. Takes no time when all is there. DIR/version: the package's.
set -euo pipefail
dir=$(realpath -m "$1")
here=$(dirname "$(realpath "$0")")
mkdir -p "$dir"

if [ ! -x "$dir/bin/containerd" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work" # apt's own user writes there
    [ "$(id -u)" = 0 ] && chown _apt "$work" 2> /dev/null || true
    download() { (cd "$work" && apt-get download -qq containerd); }
    download > "$work/log" 2>&1 || { apt-get update -qq && download; } > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    dpkg -x "$work"/containerd_*.deb "$work/tree"
    dpkg-deb -f "$work"/containerd_*.deb Version > "$dir/version"
    mkdir -p "$dir/bin"
    cp "$work/tree/usr/bin/containerd" "$work/tree/usr/bin/containerd-shim-runc-v2" "$dir/bin/"
fi

# As small as the pause program of Kubernetes: it reaps what it inherits and ends when it is told to.
if [ ! -e "$dir/pause.tar" ]; then
    rootfs=$(mktemp -d)
    trap 'rm -rf "${work:-}" "$rootfs"' EXIT
    gcc -O1 -static -o "$rootfs/pause" -xc - <<'C'
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, 0, WNOHANG) > 0) { } }
int main(void) { signal(SIGINT, end); signal(SIGTERM, end); signal(SIGCHLD, reap); for (;;) pause(); }
C
    strip "$rootfs/pause"
    "$here/oci-image.sh" "$rootfs" bench/pause:1 '["/pause"]' "$dir/pause.tar"
fi
