#!/bin/bash
# usage: install.sh install|uninstall DESTDIR PREFIX   What `make install` and `make uninstall` do. DESTDIR is for packagers.
set -euo pipefail
cd "$(dirname "$0")/.."
action=$1 destination=$2 prefix=$3
unit=$destination/etc/systemd/system/shimruntime.service

# A settings file of the operator's is never overwritten: the new one is put beside it.
settings() {
    if [ -e "$2" ] && ! cmp -s "$1" "$2"; then
        install -D -m 0644 "$1" "$2.new"
        echo "kept $2; the new one is $2.new"
    else
        install -D -m 0644 "$1" "$2"
    fi
}

reload() { if [ -z "$destination" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi; }

if [ "$action" = install ]; then
    for binary in shimruntimed shimruntime-shim shimctl; do
        install -D -m 0755 "${SHIMRUNTIME_BINARIES:-artifacts/bin}/$binary" "$destination$prefix/bin/$binary"
    done
    install -d -m 0755 "$(dirname "$unit")"
    sed "s|@PREFIX@|$prefix|" eng/install/shimruntime.service > "$unit"
    chmod 0644 "$unit"
    install -m 0644 eng/install/shimruntime.socket "${unit%.service}.socket"
    settings eng/install/config.toml "$destination/etc/shimruntime/config.toml"
    settings eng/install/crictl.yaml "$destination/etc/crictl.yaml"
    install -d -m 0755 "$destination/etc/shimruntime/certs.d"
    reload
    echo "installed to $destination$prefix/bin; start it with: systemctl enable --now shimruntime"
else
    if [ -z "$destination" ] && [ -d /run/systemd/system ]; then systemctl disable --now shimruntime.socket shimruntime 2> /dev/null || true; fi
    rm -f "$unit" "${unit%.service}.socket" "$destination$prefix"/bin/{shimruntimed,shimruntime-shim,shimctl}
    reload
    echo "removed; /etc/shimruntime, /etc/crictl.yaml and /var/lib/shimruntime stay"
fi
