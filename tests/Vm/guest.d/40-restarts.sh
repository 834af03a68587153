# Containers outlive their daemon: kill -9, a restart of the service, and an end of a container while nobody is there.
# machines: cgroupfs systemd
# checks: restarts-killed restarts-same-process restarts-logs restarts-update restarts-service restarts-exit-kept restarts-no-shim-left
# checks: restarts-kill-stop
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
shimctl run --name web -m 64Mi --log-directory $logs $image -- sh -c 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done'
id=$(id_of web)
leaf=$(leaf_of "$id")
pids=$(sort "$leaf/cgroup.procs" | head -1)
log=$(echo $logs/*/0.log)

daemon_kill9
seen=$(wc -l < "$log")
until_true 100 sh -c "[ \$(wc -l < $log) -gt $((seen + 5)) ]"
daemon_back
check restarts-killed "$(tail -3 $daemon_log)" shimctl exec web -- true
same restarts-same-process "$pids" "$(sort "$leaf/cgroup.procs" | head -1)"
check restarts-logs "$(tail -2 "$log")" sh -c "awk '{ if (\$5 != NR) exit 1 }' $log"
check restarts-update "$(tail -3 $daemon_log)" shimctl update web -m 96Mi
daemon_restart
check restarts-service "$(tail -3 $daemon_log)" sh -c "[ '$pids' = '$(sort "$leaf/cgroup.procs" | head -1)' ]"

# It ends while the daemon is down: the code is in exit.json, and told afterwards.
shimctl run --name brief --log-directory $logs $image -- sh -c 'sleep 3; exit 7'
daemon_down
sleep 5
daemon_up
check restarts-exit-kept "$(shimctl inspect brief | grep -E 'exitCode|reason' | xargs)" grep -q '"exitCode":7' <<< "$(shimctl inspect brief | flat)"

# A pod full of processes that ignore SIGTERM and fork: cgroup.kill takes them all.
shimctl run --name forks --share-pid --log-directory $logs $image -- sh -c 'trap "" TERM; for i in $(seq 30); do (trap "" TERM; while :; do sleep 1; done) & done; wait'
until_true 100 sh -c "[ \$(wc -l < '$(leaf_of "$(id_of forks)")/cgroup.procs') -ge 30 ]"
forks=$(leaf_of "$(id_of forks)")
shimctl stop -t 0 forks > /dev/null
check restarts-kill-stop "$(cat "$forks/cgroup.procs" 2>&1 | wc -l) left" sh -c "! grep -q . '$forks/cgroup.procs' 2> /dev/null"
remove_pods
until_true 100 sh -c '! pgrep -f [s]himruntime-shim'
check restarts-no-shim-left "$(pgrep -af shimruntime-shim | head -3 | xargs)" sh -c '! pgrep -f [s]himruntime-shim'
