# One pod, one exec, one OOM, one stats call, kill -9 of the daemon, nothing left.
# machines: cgroupfs
# quick
# checks: serving pod exec leaf leaf-populated memory-on-container memory-on-leaf cpu-on-leaf stats-memory stats-cpu oom-verdict oom-code
# checks: adopted stopped no-leftovers sigterm
[ -f /sys/fs/cgroup/cgroup.controllers ] || fail unified "this is not a cgroup v2 machine"
configure 'cgroup_root = "/shimruntime"'
daemon_start
check serving "$(tail -3 $daemon_log)" serving
shimctl info
shimctl image import /payload/busybox.tar || fail import "$(tail -3 $daemon_log)"

shimctl run --name web -m 64Mi --cpus 0.5 --log-directory $logs $image -- sh -c 'echo up; httpd -p 80 -h /www; while :; do usleep 20000; done'
id=$(id_of web)
check pod "$(tail -5 $daemon_log)" test -n "$id"
check exec "$(tail -5 $daemon_log)" shimctl exec web -- true

container=$(cgroup_of "$id")
leaf=$(leaf_of "$id")
check leaf "$(find /sys/fs/cgroup/shimruntime -type d 2>&1 | head -5 | xargs)" test "$leaf" = "$container/g1-$id"
check leaf-populated "$(cat "$leaf/cgroup.procs" 2>&1 | xargs)" grep -q . "$leaf/cgroup.procs"
same memory-on-container 67108864 "$(cat "$container/memory.max" 2>&1)"
same memory-on-leaf 67108864 "$(cat "$leaf/memory.max" 2>&1)"
same cpu-on-leaf '50000 100000' "$(cat "$leaf/cpu.max" 2>&1)"

stats=$(shimctl stats -o json 2>&1 | flat)
check stats-memory "${stats:0:300}" grep -Eq '"workingSetBytes":(\{"value":)?"?[1-9]' <<< "$stats"
check stats-cpu "${stats:0:300}" grep -Eq '"usageCoreNanoSeconds":(\{"value":)?"?[1-9]' <<< "$stats"

shimctl run --name oom -m 24Mi --log-directory $logs $image -- sh -c 'sleep 1; exec tail /dev/zero'
wait_exit oom
same oom-verdict OOMKilled "$(reason_of oom)"
check oom-code "$(shimctl inspect oom | grep exitCode)" grep -q '"exitCode":137' <<< "$(shimctl inspect oom | flat)"

daemon_kill9
daemon_back
check adopted "$(tail -5 $daemon_log)" shimctl exec web -- true

check stopped "$(tail -3 $daemon_log)" shimctl stop -t 1 web
remove_pods
until_true 100 nothing_left
check no-leftovers "$(left_of_pods | head -5 | xargs)" nothing_left
daemon_stop
same sigterm 0 "$daemon_exit"
