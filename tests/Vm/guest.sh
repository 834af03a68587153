#!/bin/bash
# Runs inside the machine as `vm-init`'s payload: the published daemon on cgroup v2, one pod, one OOM, one stats call, nothing left.
# Every check prints "PASS name" or "FAIL name: why" on the console; the test on the host reads these lines.
set -u
work=/run/srt
mkdir -p $work/{root,state,netns,cni,logs}
shimctl() { /payload/shimctl --endpoint unix://$work/cri.sock "$@"; }
failed=0
pass() { echo "PASS $1"; }
fail() { echo "FAIL $1: $2"; failed=1; }
check() { # NAME WHAT-WAS-FOUND COMMAND...
    local name=$1 found=$2
    shift 2
    if "$@" > /dev/null 2>&1; then pass "$name"; else fail "$name" "$found"; fi
}
state() { shimctl ps -a -o json | tr -d ' \n'; }

cat > $work/config.toml <<T
root = "$work/root"
state = "$work/state"
listen = "unix://$work/cri.sock"
cni_conf_dir = "$work/cni"
netns_dir = "$work/netns"
cgroup_root = "/shimruntime"
T
cat > $work/cni/10-vm.conflist <<J
{"cniVersion":"1.0.0","name":"vm","plugins":[
 {"type":"bridge","bridge":"srvm","isGateway":true,"ipMasq":false,
  "ipam":{"type":"host-local","dataDir":"$work/ipam","ranges":[[{"subnet":"10.123.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]}
J

[ -f /sys/fs/cgroup/cgroup.controllers ] || fail unified "this is not a cgroup v2 machine"
# The daemon lives in a cgroup of its own, as under a unit with Delegate=yes.
mkdir /sys/fs/cgroup/daemon
(echo $BASHPID > /sys/fs/cgroup/daemon/cgroup.procs; exec /payload/shimruntimed --config $work/config.toml --log-level debug > $work/daemon.log 2>&1) &
daemon=$!
for _ in $(seq 300); do shimctl version > /dev/null 2>&1 && break; sleep 0.2; done
check serving "$(tail -3 $work/daemon.log)" shimctl version
shimctl info

shimctl image import /payload/busybox.tar || fail import "$(tail -3 $work/daemon.log)"
mounts_before=$(wc -l < /proc/self/mountinfo)

shimctl run --name web -m 64Mi --cpus 0.5 --log-directory $work/logs shimruntime.local/busybox:latest -- sh -c 'echo up; httpd -p 80 -h /www; while :; do usleep 20000; done'
id=$(shimctl ps -q | head -1)
pod=$(shimctl pods -q | head -1)
check pod "$(tail -5 $work/daemon.log)" test -n "$id"
check exec "$(tail -5 $work/daemon.log)" shimctl exec web -- true

group=/sys/fs/cgroup/shimruntime/$pod
full=$(ls "$group" 2> /dev/null | grep -E '^[0-9a-f]{64}$' | grep "^${id:0:12}" | head -1)
container=$group/$full
leaf=$container/g1-$full
check leaf "$(find /sys/fs/cgroup/shimruntime -type d 2>&1 | head -5 | xargs)" test -d "$leaf"
check leaf-populated "$(cat "$leaf/cgroup.procs" 2>&1 | xargs)" grep -q . "$leaf/cgroup.procs"
check memory-on-container "$(cat "$container/memory.max" 2>&1)" grep -qx 67108864 "$container/memory.max"
check memory-on-leaf "$(cat "$leaf/memory.max" 2>&1)" grep -qx 67108864 "$leaf/memory.max"
check cpu-on-leaf "$(cat "$leaf/cpu.max" 2>&1)" grep -qx '50000 100000' "$leaf/cpu.max"

stats=$(shimctl stats -o json 2>&1 | tr -d ' \n')
check stats-memory "${stats:0:300}" grep -Eq '"workingSetBytes":(\{"value":)?"?[1-9]' <<< "$stats"
check stats-cpu "${stats:0:300}" grep -Eq '"usageCoreNanoSeconds":(\{"value":)?"?[1-9]' <<< "$stats"

shimctl run --name oom -m 24Mi --log-directory $work/logs shimruntime.local/busybox:latest -- sh -c 'sleep 1; exec tail /dev/zero'
for _ in $(seq 150); do shimctl inspect oom 2> /dev/null | grep -q '"reason": *"[A-Z]' && break; sleep 0.2; done
verdict=$(shimctl inspect oom 2>&1 | tr -d ' \n')
check oom-verdict "$(grep -Eo '"(reason|message|exitCode)":[^,]*' <<< "$verdict" | xargs)" grep -q '"reason":"OOMKilled"' <<< "$verdict"
check oom-code "$(grep -Eo '"exitCode":[^,]*' <<< "$verdict")" grep -q '"exitCode":137' <<< "$verdict"

kill -9 $daemon
wait $daemon 2> /dev/null
(echo $BASHPID > /sys/fs/cgroup/daemon/cgroup.procs; exec /payload/shimruntimed --config $work/config.toml --log-level debug >> $work/daemon.log 2>&1) &
daemon=$!
for _ in $(seq 300); do shimctl version > /dev/null 2>&1 && break; sleep 0.2; done
check adopted "$(tail -5 $work/daemon.log)" shimctl exec web -- true

shimctl stop -t 1 web || fail stop "$(tail -3 $work/daemon.log)"
for p in $(shimctl pods -q); do shimctl rmp -f "$p"; done
sleep 1
check no-cgroup "$(find /sys/fs/cgroup/shimruntime -mindepth 1 -type d 2>&1 | head -3 | xargs)" \
    test -z "$(find /sys/fs/cgroup/shimruntime -mindepth 1 -type d 2> /dev/null)"
check no-mount "$(grep -c . /proc/self/mountinfo) mounts, $mounts_before before" test "$(wc -l < /proc/self/mountinfo)" -le "$mounts_before"
check no-shim "$(pgrep -af shimruntime-shim | head -3 | xargs)" test -z "$(pgrep -f shimruntime-shim)"
check no-veth "$(ls /sys/class/net/srvm/brif 2>&1 | xargs)" test -z "$(ls /sys/class/net/srvm/brif 2> /dev/null)"
check no-pin "$(ls $work/netns | xargs)" test -z "$(ls $work/netns)"
kill $daemon
wait $daemon
check sigterm "exit $?" test $? = 0
if [ $failed = 1 ]; then echo "--- daemon.log"; tail -60 $work/daemon.log; fi
exit $failed
