#!/bin/bash
# usage: bench.sh BIN_DIRECTORY OUT_DIRECTORY [ARGUMENTS]   (root; `make bench` builds what is needed first)
# tests/Bench beside containerd, in mount, network and PID namespaces of its own: runtimes, shims, pods, registry, bridge, firewall rules, mounts and
# network namespaces end with them, however this ends. What namespaces do not hold is removed here: cgroups and the work directory.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "$1") out=$(realpath -m "$2")
shift 2
eng/peer.sh artifacts/peer
eng/busybox-image.sh artifacts/busybox.tar
program=tests/Bench/bin/Release/net10.0/linux-x64/shimruntime-bench.dll
sources=(tests/Bench src/ShimRuntime.Linux src/ShimRuntime.Cri proto Directory.Build.props Directory.Packages.props)
if [ ! -e "$program" ] || [ -n "$(find "${sources[@]}" \( -name bin -o -name obj \) -prune -o -type f -newer "$program" -print -quit)" ]; then
    dotnet build tests/Bench -c Release -v q --nologo -clp:"ErrorsOnly;NoSummary"
    touch "$program"
fi
mkdir -p "$out"
made=$([ -d /var/lib/cni ] || echo /var/lib/cni)
work=$(mktemp -d)
cgroup=shimruntime-bench-$$
child=

clean_up() {
    local code=$?
    trap '' INT TERM
    set +e
    if [ -n "$child" ]; then
        kill -9 "$child" 2> /dev/null # every process of the namespaces ends with it
        wait "$child" 2> /dev/null
    fi
    for _ in $(seq 50); do # the last processes may take a moment to end
        find /sys/fs/cgroup -depth -path "*/$cgroup*" -type d -exec rmdir {} + 2> /dev/null
        [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "$cgroup" -print -quit 2> /dev/null)" ] && break
        sleep 0.1
    done
    [ -z "$made" ] || rmdir "$made"
    rm -rf --one-file-system "$work" || echo "bench: left behind: $work" >&2
    exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# /run and /var/lib/cni have names in them that containerd and libcni do not let one choose.
mkdir -p "$work/cni-cache" /var/lib/cni
setpriv --pdeathsig KILL unshare --mount --propagation private --net --pid --fork --kill-child --mount-proc bash -c '
    set -e
    mount -t tmpfs tmpfs /run
    mount --bind "$1/cni-cache" /var/lib/cni
    ip link set lo up
    dotnet "$2" compare "${@:3}" || exit $?
    exit 0' bash "$work" "$program" "$bin" "$work" "$cgroup" "$out" "$@" &
child=$!
code=0
wait "$child" || code=$?
child=
exit "$code"
