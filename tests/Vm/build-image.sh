#!/bin/bash
# usage: build-image.sh DIRECTORY
# A bootable machine in DIRECTORY: vmlinuz and root.ext4, from this machine's own apt sources. It boots with vm-init as PID 1, or with systemd.
# About two minutes; kept between runs and made anew when one of these scripts changes. Needs root, qemu-system-x86 and mmdebstrap (installed
# when missing).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=$1
parts=(build-image.sh vm-init vm-payload vm-payload.service)
key=$(cd "$here" && cat "${parts[@]}" | sha256sum | cut -c1-16)
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
[ "$(cat "$cache/key" 2> /dev/null)" = "$key" ] && exit 0

export DEBIAN_FRONTEND=noninteractive
missing=()
command -v qemu-system-x86_64 > /dev/null || missing+=(qemu-system-x86)
command -v mmdebstrap > /dev/null || missing+=(mmdebstrap)
command -v mkfs.ext4 > /dev/null || missing+=(e2fsprogs)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get -q -o DPkg::Lock::Timeout=300 update
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
fi

work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The ABI number in the kernel's package name changes: take what the metapackage depends on. It is unpacked, never installed.
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image-/ { print $2; exit }')
[ -n "$kernel" ] || { echo "build-image: apt knows no linux-image-cloud-amd64; add Debian's main archive to its sources" >&2; exit 1; }
(cd "$work" && apt-get -q download "$kernel")
dpkg -x "$work/$kernel"_*.deb "$work/kernel"

packages=runc,crun,criu,iptables,nftables,containernetworking-plugins,iproute2,kmod,procps,busybox-static,ca-certificates,libseccomp2
packages+=,util-linux,uidmap,apparmor,systemd,systemd-sysv,dbus
mmdebstrap --quiet --variant=minbase --mode=root \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --include=$packages bookworm "$work/root"
# Merged /usr: /lib is a link in the tree.
mkdir -p "$work/root/usr/lib/modules"
cp -a "$work"/kernel/lib/modules/* "$work/root/usr/lib/modules/"
chroot "$work/root" depmod "$(ls "$work/kernel/lib/modules")"
install -m 755 "$here/vm-init" "$here/vm-payload" "$work/root/sbin/"
# systemd as PID 1 runs the payload once it is up; what waits for devices or a login that never come is off.
install -m 644 "$here/vm-payload.service" "$work/root/etc/systemd/system/vm-payload.service"
mkdir -p "$work/root/etc/systemd/system/multi-user.target.wants"
ln -s ../vm-payload.service "$work/root/etc/systemd/system/multi-user.target.wants/vm-payload.service"
for unit in getty.target serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
    e2scrub_reap.service systemd-update-utmp.service systemd-networkd.service systemd-timesyncd.service systemd-journal-flush.service; do
    ln -sf /dev/null "$work/root/etc/systemd/system/$unit"
done
echo vm > "$work/root/etc/hostname"

mkfs.ext4 -q -O ^has_journal -d "$work/root" "$work/root.ext4" 1536M
cp "$work"/kernel/boot/vmlinuz-* "$cache/vmlinuz"
mv "$work/root.ext4" "$cache/root.ext4"
echo "$key" > "$cache/key"
