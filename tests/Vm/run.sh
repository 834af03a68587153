#!/bin/bash
# usage: run.sh BINARIES OUTPUT   boots the machine with the published binaries as payload; the console goes to OUTPUT. Exit 0: the guest said EXIT 0.
# The image is cached in SHIMRUNTIME_VM_CACHE (default /var/cache/shimruntime-vm), so that another clone on this machine uses it too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binaries=$(cd "$1" && pwd)
output=$2
cache=${SHIMRUNTIME_VM_CACHE:-/var/cache/shimruntime-vm}
"$here/build-image.sh" "$cache" > "$output.build" 2>&1 || { cat "$output.build" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/payload"
cp "$binaries"/{shimruntimed,shimruntime-shim,shimctl} "$here/guest.sh" "$work/payload/"
"$here/../../eng/busybox-image.sh" "$work/payload/busybox.tar"
tar -cf "$work/payload.tar" -C "$work/payload" .
truncate -s %512 "$work/payload.tar"

# Software emulation everywhere: the machine that runs the tests may be a virtual one itself. The deadline is qemu's own.
timeout --kill-after=5 "${SHIMRUNTIME_VM_TIMEOUT:-420}" qemu-system-x86_64 -M q35 -accel tcg,thread=multi,tb-size=512 -cpu max -smp 2 -m 1024 \
    -nodefaults -no-user-config -display none -serial stdio -no-reboot -kernel "$cache/vmlinuz" \
    -append "console=ttyS0 quiet psi=1 panic=-1 root=/dev/nvme0n1 rootfstype=ext4 rw init=/sbin/vm-init mitigations=off" \
    -drive if=none,id=r,file="$cache/root.ext4",format=raw,snapshot=on,cache=unsafe -device nvme,drive=r,serial=r \
    -drive if=none,id=p,file="$work/payload.tar",format=raw,readonly=on -device nvme,drive=p,serial=p \
    < /dev/null > "$output" 2>&1 || true
grep -q '^EXIT 0' <(tr -d '\r' < "$output")
