#!/bin/bash
# usage: run.sh BINARIES OUTPUT [MACHINE] [SCRIPT...]
# Boots a cgroup v2 machine with the published binaries as payload; the console goes to OUTPUT. Exit 0: the guest said EXIT 0.
#   MACHINE  cgroupfs (a small PID 1) or systemd (Debian's, with our unit installed); cgroupfs when absent
#   SCRIPT   names in guest.d without .sh; "quick" for those marked so; none: all that are for this machine
# The image is cached in SHIMRUNTIME_VM_CACHE (default /var/cache/shimruntime-vm), so that another clone on this machine uses it too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binaries=$(cd "$1" && pwd)
output=$2
machine=${3:-cgroupfs}
shift $(($# < 3 ? $# : 3))
cache=${SHIMRUNTIME_VM_CACHE:-/var/cache/shimruntime-vm}
"$here/build-image.sh" "$cache" > "$output.build" 2>&1 || { cat "$output.build" >&2; exit 1; }

case $machine in
    cgroupfs) init=/sbin/vm-init ;;
    systemd) init=/lib/systemd/systemd ;;
    *) echo "run.sh: no machine '$machine'" >&2; exit 2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/payload"
cp -r "$here"/{guest.sh,guest-lib.sh,guest.d} "$work/payload/"
printf 'machine=%s\nselection="%s"\n' "$machine" "$*" > "$work/payload/selection"
SHIMRUNTIME_BINARIES=$binaries "$here/../../eng/install.sh" install "$work/payload/installed" /usr/local > /dev/null
"$here/../../eng/busybox-image.sh" "$work/payload/busybox.tar"
tar -cf "$work/payload.tar" -C "$work/payload" .
truncate -s %512 "$work/payload.tar"

# Software emulation everywhere: the machine that runs the tests may be a virtual one itself. The deadline is qemu's own.
timeout --kill-after=5 "${SHIMRUNTIME_VM_TIMEOUT:-3600}" qemu-system-x86_64 -M q35 -accel tcg,thread=multi,tb-size=512 -cpu max -smp 2 -m 1024 \
    -nodefaults -no-user-config -display none -serial stdio -no-reboot -kernel "$cache/vmlinuz" \
    -append "console=ttyS0 quiet psi=1 panic=-1 root=/dev/nvme0n1 rootfstype=ext4 rw init=$init systemd.show_status=no mitigations=off" \
    -drive if=none,id=r,file="$cache/root.ext4",format=raw,snapshot=on,cache=unsafe -device nvme,drive=r,serial=r \
    -drive if=none,id=p,file="$work/payload.tar",format=raw,readonly=on -device nvme,drive=p,serial=p \
    < /dev/null > "$output" 2>&1 || true
grep -q '^EXIT 0' <(tr -d '\r' < "$output")
