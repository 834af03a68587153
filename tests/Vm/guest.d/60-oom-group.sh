# memory.oom.group, which kubelet sends in `unified`: the leaf has it from its start and by an update, the container cgroup never.
# machines: cgroupfs systemd
# quick
# checks: group-create group-not-above group-update group-update-off group-bad group-kills-all group-verdict single-kills-one
# checks: hugepages-on-leaf hugepages-on-container
configure
daemon_start
shimctl image import /payload/busybox.tar || fail import "$(tail -3 $daemon_log)"
eater='(sleep 2; exec tail /dev/zero); echo child $?; exit 5'

shimctl run --name plain --cgroup-conf memory.high=100000000 --hugepages 2MB=4Mi --log-directory $logs $image -- sleep 1000
id=$(id_of plain)
shimctl update plain --cgroup-conf memory.oom.group=1 > /dev/null
same group-update 1 "$(cat "$(leaf_of "$id")/memory.oom.group" 2>&1)"
shimctl update plain --cgroup-conf memory.oom.group=0 > /dev/null
same group-update-off 0 "$(cat "$(leaf_of "$id")/memory.oom.group" 2>&1)"
shimctl update plain --cgroup-conf memory.oom.group=7 > $work/bad 2>&1
check group-bad "$(cat $work/bad)" grep -q "unified.*neither 0 nor 1" $work/bad
same hugepages-on-leaf 4194304 "$(cat "$(leaf_of "$id")/hugetlb.2MB.max" 2>&1)"
same hugepages-on-container 4194304 "$(cat "$(cgroup_of "$id")/hugetlb.2MB.max" 2>&1)"

shimctl run --name group -m 32Mi --cgroup-conf memory.oom.group=1 --log-directory $logs $image -- sh -c "$eater"
id=$(id_of group)
same group-create 1 "$(cat "$(leaf_of "$id")/memory.oom.group" 2>&1)"
same group-not-above 0 "$(cat "$(cgroup_of "$id")/memory.oom.group" 2>&1)"
wait_exit group
# The child is over the limit; the init goes with it and never speaks.
check group-kills-all "$(shimctl logs group 2>&1)" test -z "$(shimctl logs group 2>&1)"
same group-verdict OOMKilled "$(reason_of group)"

shimctl run --name single -m 32Mi --log-directory $logs $image -- sh -c "$eater"
wait_exit single
check single-kills-one "$(reason_of single) $(shimctl logs single 2>&1)" grep -q 'child 137' <<< "$(shimctl logs single)"
