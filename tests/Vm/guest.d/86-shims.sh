# Shims under cgroup v2 are exchanged in place: the container's process, its log and its cgroup stay, an exec still finds its way, OOM is still seen.
# machines: cgroupfs systemd
# checks: shims-upgraded shims-same-process shims-same-shim shims-program shims-log shims-exec shims-oom shims-refused
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
shimctl run --name counter --log-directory $logs $image -- sh -c 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done'
shimctl run --name hungry --log-directory $logs -m 16Mi $image -- sh -c 'while [ ! -e /go ]; do sleep 0.1; done; exec tail /dev/zero'
id=$(id_of counter)
leaf=$(leaf_of "$id")
init() { sort -n "$leaf/cgroup.procs" | head -1; }
pid=$(init)
shim=$(awk '/^PPid/ {print $2}' /proc/$pid/status)
mkdir -p $work/next
cp "$(readlink /proc/$shim/exe)" $work/next/shimruntime-shim

said=$(shimctl upgrade shims --binary $work/next/shimruntime-shim 2>&1)
upgraded() { echo "$said" | grep -q '2 shims are upgraded'; }
check shims-upgraded "$said" upgraded
same shims-same-process "$pid" "$(init)"
same shims-same-shim "$shim" "$(awk '/^PPid/ {print $2}' /proc/$pid/status)"
same shims-program $work/next/shimruntime-shim "$(readlink /proc/$shim/exe)"
sleep 1
log=$(echo $logs/*_counter_*/*.log)
same shims-log "" "$(awk '$4 != NR - 1 { print NR ": " $0; exit }' $log)"
same shims-exec inside "$(shimctl exec counter -- echo inside)"
shimctl exec hungry -- touch /go
killed() { shimctl inspect hungry | grep -q OOMKilled; }
check shims-oom "$(shimctl ps -a)" until_true 100 killed
said=$(shimctl upgrade shims --binary /bin/false --container counter 2>&1)
check shims-refused "$said" sh -c "[ \$(readlink /proc/$shim/exe) = $work/next/shimruntime-shim ]"
remove_pods
