# Limits at create and by UpdateContainerResources: on the container cgroup and its leaf, up and down, all or nothing, and as status tells them.
# machines: cgroupfs systemd
# checks: update-created update-raised update-lowered update-swap update-cpuset update-unified update-bad-name update-bad-controller
# checks: update-kernel-refuses update-nothing-changed update-in-use update-status
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null

limits() { # FILE: its value on the container cgroup and on the leaf
    echo "$(cat "$container/$1" 2>&1) $(cat "$leaf/$1" 2>&1)"
}
all() { for f in memory.max memory.high memory.min memory.swap.max cpu.max cpu.weight cpuset.cpus; do echo "$f $(limits $f)"; done; }

shimctl run --name web -m 64Mi --cpus 0.5 --cpu-shares 512 --log-directory $logs $image -- sleep 100000
id=$(id_of web)
container=$(cgroup_of "$id")
leaf=$(leaf_of "$id")
same update-created '67108864 67108864 50000 100000 50000 100000 20 20' "$(limits memory.max) $(limits cpu.max) $(limits cpu.weight)"

shimctl update web -m 128Mi --cpus 1 --cpu-shares 2048
same update-raised '134217728 134217728 100000 100000 100000 100000 79 79' "$(limits memory.max) $(limits cpu.max) $(limits cpu.weight)"
shimctl update web -m 32Mi --cpus 0.25 --cpu-shares 256
same update-lowered '33554432 33554432 25000 100000 25000 100000 10 10' "$(limits memory.max) $(limits cpu.max) $(limits cpu.weight)"
# CRI counts memory and swap together, v2 swap alone; no swap limit named allows none.
before=$(limits memory.swap.max)
shimctl update web -m 32Mi --memory-swap 48Mi
same update-swap '0 0 16777216 16777216' "$before $(limits memory.swap.max)"
shimctl update web --cpuset-cpus 1
same update-cpuset '1 1' "$(limits cpuset.cpus)"
shimctl update web --cgroup-conf memory.high=30000128 --cgroup-conf memory.min=4194304
same update-unified '29999104 29999104 4194304 4194304' "$(limits memory.high) $(limits memory.min)"

held=$(all)
check update-bad-name "accepted, or another error" grep -q 'is no limit of a cgroup v2 controller' <<< "$(shimctl update web --cgroup-conf ../cgroup.procs=1 2>&1)"
check update-bad-controller "accepted, or another error" grep -q "no controller 'net'" <<< "$(shimctl update web --cgroup-conf net.weight=1 2>&1)"
# The first value of the update can be set, the second one the kernel refuses.
refusal=$(shimctl update web -m 256Mi --memory-swap 272Mi --cpuset-cpus 0 --cgroup-conf memory.high=much 2>&1)
check update-kernel-refuses "$refusal" grep -q 'as they were' <<< "$refusal"
same update-nothing-changed "$held" "$(all)"

shimctl run --name big --log-directory $logs $image -- sh -c 'dd if=/dev/zero of=/dev/null bs=40M count=1000000 2> /dev/null'
until_true 100 sh -c '[ "$(cat '"$(cgroup_of "$(id_of big)")"'/memory.current)" -gt 40000000 ]'
refusal=$(shimctl update big -m 8Mi 2>&1)
check update-in-use "$refusal" grep -q "can't be given back" <<< "$refusal"

# What is in force is read from the cgroup: a limit that something else has set is told.
echo 20000 100000 > "$container/cpu.max"
told=$(shimctl inspect web | flat | grep -Eo '"(cpuQuota|memoryLimitInBytes|cpuShares|memorySwapLimitInBytes)":"?[0-9]+' | tr -d '"' | sort -u | xargs)
same update-status 'cpuQuota:20000 cpuShares:256 memoryLimitInBytes:33554432 memorySwapLimitInBytes:50331648' "$told"
