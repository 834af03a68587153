# What the cgroupfs driver alone does: its refusals, a pod init's leaf, and the cgroup root that goes with the last pod.
# machines: cgroupfs
# checks: cgroupfs-without-systemd cgroupfs-without-systemd-check cgroupfs-slice-refused cgroupfs-root-made cgroupfs-parent cgroupfs-init-leaf cgroupfs-parent-stays cgroupfs-root-gone
# The other driver has nobody to ask here, and says so before it serves.
configure 'cgroup_driver = "systemd"'
timeout 60 shimruntimed --config $work/config.toml > $work/refused 2>&1
check cgroupfs-without-systemd "$? $(tail -3 $work/refused)" grep -q "systemd is not this machine's PID 1" $work/refused
check cgroupfs-without-systemd-check "$(shimruntimed --config $work/config.toml --check 2>&1 | grep -i cgroup)" \
    grep -q 'systemd does not run here' <<< "$(shimruntimed --config $work/config.toml --check 2>&1)"
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
refusal=$(shimctl run --name wrong --cgroup-parent /kubepods.slice --log-directory $logs $image -- true 2>&1)
check cgroupfs-slice-refused "$refusal" grep -q "is a slice of systemd's" <<< "$refusal"
shimctl run --name own --log-directory $logs $image -- sleep 100000
check cgroupfs-root-made "$(ls /sys/fs/cgroup)" test -d "/sys/fs/cgroup/shimruntime/$(pod_of own)"
mkdir -p /sys/fs/cgroup/vmparent/pod1
shimctl run --name web --share-pid --cgroup-parent /vmparent/pod1 --log-directory $logs $image -- sleep 100000
same cgroupfs-parent "/sys/fs/cgroup/vmparent/pod1/$(id_of web)" "$(cgroup_of "$(id_of web)")"
init=/sys/fs/cgroup/vmparent/pod1/$(pod_of web)
check cgroupfs-init-leaf "$(ls /sys/fs/cgroup/vmparent/pod1)" grep -q . "$init/cgroup.procs"
remove_pods
same cgroupfs-parent-stays 'cgroup.procs' "$(ls /sys/fs/cgroup/vmparent/pod1 | grep -x cgroup.procs; find /sys/fs/cgroup/vmparent/pod1 -mindepth 1 -type d)"
rmdir /sys/fs/cgroup/vmparent/pod1 /sys/fs/cgroup/vmparent
daemon_stop
check cgroupfs-root-gone "$(find /sys/fs/cgroup/shimruntime -type d 2>&1 | xargs)" test ! -e /sys/fs/cgroup/shimruntime
