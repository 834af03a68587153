# The systemd driver: slices and scopes under their names, limits as properties that daemon-reload keeps, what systemctl does to a container,
# and nothing left in systemd's list.
# machines: systemd
# checks: systemd-driver systemd-names systemd-slice-property systemd-scope-property systemd-reload-kept systemd-reload-writes systemd-update-property
# checks: systemd-update-reload-kept systemd-odd-quota systemd-unified-property systemd-parent systemd-parent-path systemd-refuses-path
# checks: systemd-refuses-root systemd-init-scope systemd-exec systemd-stop systemd-stop-exit systemd-kubelet-slice-stays
# checks: systemd-units-gone systemd-shims-placed
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
check systemd-driver "$(shimctl info 2>&1 | grep -i cgroup)" grep -qi systemd <<< "$(shimctl info -o json)"
property() { systemctl show -P "$1" "$(basename "$2")"; }
# After a reload systemd writes the files of a slice's units again when it starts another one there. A value that it was never told shows
# that it has: what is kept is kept by properties.
reload() {
    echo 4096 > "$container/memory.low"
    echo 4096 > "$leaf/memory.low"
    systemctl daemon-reload
    for slice in "$(basename "$container")" "$(basename "$(dirname "$container")")"; do systemd-run --quiet --wait --slice="$slice" true; done
    low="$(cat "$container/memory.low") $(cat "$leaf/memory.low")"
}
files() { for d in "$container" "$leaf"; do for f in memory.max memory.high memory.swap.max cpu.max cpu.weight cpuset.cpus pids.max; do echo "$f $(cat "$d/$f")"; done; done; }

shimctl run --name web -m 64Mi --cpus 0.5 --cpu-shares 512 --log-directory $logs $image -- sleep 100000
id=$(id_of web) pod=$(pod_of web)
container=/sys/fs/cgroup/shimruntime.slice/shimruntime-$pod.slice/shimruntime-$pod-$id.slice
leaf=$container/shimruntime-g1-$id.scope
check systemd-names "$(find /sys/fs/cgroup/shimruntime.slice -type d | head -5 | xargs)" grep -q . "$leaf/cgroup.procs"
same systemd-slice-property '67108864 0 20 500ms' "$(property MemoryMax "$container") $(property MemorySwapMax "$container") $(property CPUWeight "$container") $(property CPUQuotaPerSecUSec "$container")"
same systemd-scope-property '67108864 0 infinity yes inactive-or-failed' "$(for p in MemoryMax MemorySwapMax TasksMax Delegate CollectMode; do property $p "$leaf"; done | xargs)"
held=$(files)
reload
same systemd-reload-writes '0 0' "$low"
same systemd-reload-kept "$held" "$(files)"
shimctl update web -m 96Mi --cpus 1 --cpu-shares 2048 --cpuset-cpus 0
same systemd-update-property '100663296 79 1s 0 100663296' "$(property MemoryMax "$container") $(property CPUWeight "$container") $(property CPUQuotaPerSecUSec "$container") $(property AllowedCPUs "$container") $(property MemoryMax "$leaf")"
shimctl update web --cgroup-conf memory.high=90001408
same systemd-unified-property '90001408 90001408' "$(property MemoryHigh "$container") $(property MemoryHigh "$leaf")"
held=$(files)
reload
same systemd-update-reload-kept "0 0 $held" "$low $(files)"
# systemd keeps whole percents: never less than what was asked for.
shimctl update web --cpus 0.125
reload
quota=$(cut -d' ' -f1 "$container/cpu.max")
check systemd-odd-quota "$quota" test "$quota" -ge 12500 -a "$quota" -le 13000
check systemd-exec "$(tail -3 $daemon_log)" shimctl exec web -- sh -c 'grep -q shimruntime /proc/1/cgroup; true'
check systemd-shims-placed "$(cat /proc/"$(pgrep -f shimruntime-shim | head -1)"/cgroup)" grep -q 'shimruntime.service' "/proc/$(pgrep -f shimruntime-shim | head -1)/cgroup"

# As kubelet gives it, made by kubelet before or not there yet; also as a path.
printf '[Slice]\nMemoryMax=256M\n' > /run/systemd/system/kubepods-burstable-podabc_1.slice
systemctl daemon-reload
systemctl start kubepods-burstable-podabc_1.slice
shimctl run --name kube --share-pid --cgroup-parent kubepods-burstable-podabc_1.slice --log-directory $logs $image -- sleep 100000
base=/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podabc_1.slice
check systemd-parent "$(find /sys/fs/cgroup/kubepods.slice -type d | xargs)" test -d "$base/kubepods-burstable-podabc_1-$(id_of kube).slice"
check systemd-init-scope "$(find $base -type d | xargs)" grep -q . "$base/shimruntime-$(pod_of kube).scope/cgroup.procs"
shimctl run --name path --cgroup-parent /kubepods.slice/kubepods-pod2.slice --log-directory $logs $image -- sleep 100000
check systemd-parent-path "$(find /sys/fs/cgroup/kubepods.slice -type d | xargs)" test -d "/sys/fs/cgroup/kubepods.slice/kubepods-pod2.slice/kubepods-pod2-$(id_of path).slice"
for wrong in path:/kubepods/pod1 root:-.slice; do
    refusal=$(shimctl run --name wrong --cgroup-parent="${wrong#*:}" --log-directory $logs $image -- true 2>&1)
    check "systemd-refuses-${wrong%%:*}" "$refusal" grep -q 'is no slice such as' <<< "$refusal"
done

# systemctl stop of a scope is a stop of the container: its exit is told.
shimctl run --name stopped --log-directory $logs $image -- sh -c 'trap "exit 3" TERM; while :; do sleep 0.2; done'
check systemd-stop "$(systemctl list-jobs | head -5)" timeout 60 systemctl stop "shimruntime-g1-$(id_of stopped).scope"
wait_exit stopped
check systemd-stop-exit "$(shimctl inspect stopped | grep exitCode)" grep -q '"exitCode":3' <<< "$(shimctl inspect stopped | flat)"

remove_pods
check systemd-kubelet-slice-stays "$(systemctl is-active kubepods-burstable-podabc_1.slice)" test -d $base
until_true 100 nothing_left
same systemd-units-gone '' "$(left_units | xargs)"
systemctl stop kubepods-burstable-podabc_1.slice
