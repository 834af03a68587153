#!/bin/bash
# usage: install-prerequisites.sh [--for-tests]   Installs through apt what is missing; says nothing and takes no time when all is there.
set -euo pipefail

declare -A packages=(
    [runc]=runc [iptables]=iptables [busybox]=busybox-static [gcc]=gcc [ip]=iproute2
    [/usr/include/zlib.h]=zlib1g-dev [/usr/include/stdio.h]=libc6-dev [/usr/lib/cni/bridge]=containernetworking-plugins
)
if [ "${1:-}" = --for-tests ]; then
    # What the virtual machine of tests/Vm needs is installed by its own script.
    packages+=([docker-registry]=docker-registry [python3]=python3 [strace]=strace)
fi

missing=()
PATH=$PATH:/usr/sbin:/sbin
for needed in "${!packages[@]}"; do
    case $needed in
        /*) [ -e "$needed" ] || missing+=("${packages[$needed]}") ;;
        *) command -v "$needed" > /dev/null || missing+=("${packages[$needed]}") ;;
    esac
done

command -v dotnet > /dev/null || { echo "the .NET 10 SDK is missing: see https://dotnet.microsoft.com/download/dotnet/10.0" >&2; exit 1; }
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "missing: ${missing[*]}; run as root, or: apt-get install ${missing[*]}" >&2; exit 1; }

echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install_missing() { apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A daemon that comes with a package (docker-registry's) is not wanted as a service here.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod +x "$policy"
    trap 'rm -f "$log" "$policy"' EXIT
fi
{ apt-get update -qq && install_missing; } > "$log" 2>&1 || { sleep 5; { apt-get update -qq && install_missing; } > "$log" 2>&1; } || {
    cat "$log" >&2
    exit 1
}
