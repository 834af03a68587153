#!/bin/bash
# usage: demo.sh   (root; binaries in artifacts/bin: `make demo` builds them first)
# From nothing to nothing, on private directories: image, network, HTTP, log, exec, stats, a killed daemon, a hot swap under load, removal.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/artifacts/bin
work=$(mktemp -d)
bridge=srdemo$((RANDOM % 1000))
subnet=10.$((RANDOM % 90 + 150)).$((RANDOM % 250)).0/24
cgroup=shimruntime-demo-$$
daemon=
shimctl() { "$bin/shimctl" --endpoint "unix://$work/state/demo.sock" "$@"; }
say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
fail() { echo "demo: $*" >&2; exit 1; }

# What the demo can leave behind, by its own names alone: other work on this machine goes on meanwhile.
leftovers() {
    echo "mounts: $(grep -c "$work" /proc/self/mountinfo || true)"
    echo "veths: $(ip -o link show master "$bridge" 2> /dev/null | wc -l)"
    echo "network namespaces: $(find "$work/netns" -type f | wc -l)"
    echo "cgroups: $(find /sys/fs/cgroup -path "*$cgroup*" -type d 2> /dev/null | wc -l)"
    echo "firewall rules: $(iptables-save 2> /dev/null | grep -c "$bridge\|${subnet%.0/24}\." || true)"
    echo "processes: $(pgrep -c -f "$work" || true)"
}

start_daemon() {
    "$bin/shimruntimed" --config "$work/config.toml" >> "$work/daemon.log" 2>&1 &
    daemon=$!
    for _ in $(seq 100); do
        shimctl ps > /dev/null 2>&1 && return
        kill -0 "$daemon" 2> /dev/null || { cat "$work/daemon.log" >&2; fail "the daemon ended while it started"; }
        sleep 0.1
    done
    fail "the daemon did not answer within 10 s; see $work/daemon.log"
}

clean_up() {
    local code=$?
    set +e
    rm -f "$work/load" # ends the loops of eng/http-load.sh
    if [ -S "$work/state/demo.sock" ]; then
        shimctl pods -q 2> /dev/null | while read -r pod; do shimctl rmp -f "$pod" > /dev/null; done
    fi
    [ -n "$daemon" ] && kill "$daemon" 2> /dev/null && wait "$daemon"
    ip link delete "$bridge" 2> /dev/null
    if [ "$code" = 0 ]; then rm -rf "$work"; else echo "demo: failed; the daemon's log and state are in $work" >&2; fi
    exit "$code"
}

mkdir -p "$work"/{root,state,netns,cni,logs}
trap clean_up EXIT
before=$(leftovers)

cat > "$work/config.toml" <<T
root = "$work/root"
state = "$work/state"
listen = "unix://$work/state/demo.sock"
cni_conf_dir = "$work/cni"
netns_dir = "$work/netns"
cgroup_root = "/$cgroup"
T
cat > "$work/cni/10-demo.conflist" <<J
{"cniVersion":"1.0.0","name":"$bridge","plugins":[
 {"type":"bridge","bridge":"$bridge","isGateway":true,"ipMasq":true,
  "ipam":{"type":"host-local","dataDir":"$work/ipam","ranges":[[{"subnet":"$subnet"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
J

say "the daemon starts on private directories"
start_daemon
shimctl version
shimctl info || fail "the runtime is not ready"

say "an OCI image of this machine's own busybox is imported"
eng/busybox-image.sh "$work/busybox.tar"
shimctl image import "$work/busybox.tar"
shimctl images

say "a pod runs a web server that also counts into its log"
script='httpd -p 80 -h /www; i=0; while :; do i=$((i+1)); echo "line $i"; usleep 20000; done'
shimctl run --name web --log-directory "$work/logs" shimruntime.local/busybox:latest -- sh -c "$script"
container=$(shimctl ps -q)
pod_ip=$(shimctl inspect "$(shimctl pods -q)" | sed -n 's/.*"ip": "\([0-9.]*\)".*/\1/p' | head -1)
echo "pod IP: $pod_ip"
[ -n "$pod_ip" ] || fail "the pod has no IP"

answer() { busybox wget -q -O - "http://$pod_ip/"; }
say "it answers HTTP"
for _ in $(seq 50); do answer > /dev/null 2>&1 && break; sleep 0.1; done
answer

say "its log"
shimctl logs --tail 3 web

say "an exec"
shimctl exec web -- sh -c 'echo "inside: $(hostname), pid 1 is: $(head -c 60 /proc/1/cmdline | tr "\0" " ")"'

say "its CPU and memory"
sleep 1
shimctl stats web

say "kill -9 of the daemon; the same container still answers and still writes its log"
lines_before=$(shimctl logs web | wc -l)
kill -9 "$daemon"
wait "$daemon" 2> /dev/null || true
sleep 1
answer
start_daemon
[ "$(shimctl ps -q)" = "$container" ] || fail "after the restart the container is not the one that ran before"
sleep 0.5
shimctl ps
shimctl logs web > "$work/log.txt"
lines=$(wc -l < "$work/log.txt")
seq -f 'line %g' 1 "$lines" | diff -q - "$work/log.txt" > /dev/null || fail "log lines are missing or out of order after the restart"
[ "$lines" -gt $((lines_before + 40)) ] || fail "the log did not go on while the daemon was dead ($lines_before, then $lines lines)"
echo "log: $lines_before lines before, $lines now, every one present and in order"

say "a server in C, that binds for itself and knows of nothing, is swapped three times under load"
mkdir "$work/rootfs"
gcc -O1 -static -o "$work/rootfs/server" tests/Integration/Assets/swap-server.c
eng/oci-image.sh "$work/rootfs" shimruntime.local/server:v1 '["/server", "v1", "8080"]' "$work/server.tar"
shimctl image import "$work/server.tar" > /dev/null
read -r _ shop_ip < <(shimctl run --name shop --log-directory "$work/logs" shimruntime.local/server:v1)
[ -n "$shop_ip" ] || fail "the pod has no IP"
touch "$work/load"
for worker in 1 2; do eng/http-load.sh "$shop_ip" 8080 "$work/load" > "$work/load.$worker" & done
swaps=
for version in v2 v3 v4; do
    sleep 0.3
    shimctl swap shop --level L3 --arg "/server" --arg "$version" --arg 8080 --ready tcp:8080 --probation 0 | tee "$work/swap.txt"
    swaps+=" $(sed -n 's/^ *\([0-9.]*\) s  DONE .*/\1/p' "$work/swap.txt") s"
done
sleep 0.3
rm "$work/load"
wait $(jobs -p | grep -vx "$daemon")
read -r requests failed worst < <(awk '{ n += $1; f += $2; if ($3 > w) w = $3 } END { print n, f, w }' "$work"/load.?)
figures="$requests requests during three swaps, $failed refused, reset or answered wrong, the slowest in $worst ms; swapped in$swaps"
echo "$figures"
[ "$requests" -gt 100 ] || fail "that was no load"
[ "$failed" = 0 ] || fail "$failed of $requests requests failed"
[ "$(cut -d' ' -f5 "$work"/load.? | sort -u)" = v4 ] || fail "the last answers are not the newest generation's: $(cat "$work"/load.?)"

say "stop and remove"
shimctl stop -t 1 web
shimctl ps -a
shimctl rmp -f web
shimctl rmp -f shop
shimctl image rm shimruntime.local/busybox:latest
shimctl image rm shimruntime.local/server:v1
for _ in $(seq 100); do # layers are deleted in the background
    [ -z "$(find "$work/root/snapshots" -name '*.json' -print -quit)" ] && break
    sleep 0.1
done
kill "$daemon"
wait "$daemon" || fail "the daemon ended with exit code $?"
daemon=

say "nothing is left"
after=$(leftovers)
ip link delete "$bridge"
diff <(echo "$before") <(echo "$after") || fail "something is left behind (< before, > after)"
# The daemon's own files stay for the next one (docs/operations.md): locks, the pulse, the port of the streams, what it hands on.
leftover=$(find "$work/state" "$work/netns" "$work/root/containers" "$work/root/sandboxes" "$work/root/snapshots" -mindepth 1 \
    ! -name '*.lock' ! -path "$work/state/alive" ! -path "$work/state/streaming.port" ! -path "$work/state/handover.json" ! -path "$work/state/ids" ! -path "$work/state/shimruntime" ! -type d 2> /dev/null || true)
[ -z "$leftover" ] || fail "files are left behind: $leftover"
echo "$after"
echo
echo "hot swap: $figures"
echo "demo: done in ${SECONDS} s"
