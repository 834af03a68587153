# The OOM verdict and by whose limit: the container's, the pod's, an ancestor's, the machine's.
# machines: cgroupfs systemd
# checks: oom-container oom-container-code oom-child oom-pod oom-ancestor oom-machine oom-memory-recorded
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null

# A pod cgroup as kubelet makes it, with limits of its own. Sets $parent.
pod_cgroup() { # NAME POD-LIMIT NODE-LIMIT
    if [ $machine = systemd ]; then
        printf '[Slice]\nMemoryMax=%s\nMemorySwapMax=0\n' "$3" > /run/systemd/system/$1.slice
        printf '[Slice]\nMemoryMax=%s\nMemorySwapMax=0\n' "$2" > /run/systemd/system/$1-pod1.slice
        systemctl daemon-reload
        systemctl start $1-pod1.slice
        parent=$1-pod1.slice
    else
        mkdir -p /sys/fs/cgroup/$1
        echo "+memory +cpu +pids +cpuset" > /sys/fs/cgroup/$1/cgroup.subtree_control
        echo "$3" > /sys/fs/cgroup/$1/memory.max
        mkdir -p /sys/fs/cgroup/$1/pod1
        echo "$2" > /sys/fs/cgroup/$1/pod1/memory.max
        parent=/$1/pod1
    fi
}
# Without apostrophes, which JSON writes as \u0027.
said() { shimctl inspect "$1" | grep -Eo '"message": *"[^"]*"' | head -1 | sed 's/\\u0027//g'; }
verdict() { # CHECK CONTAINER WORDS
    wait_exit "$2"
    check "$1" "$(reason_of "$2"): $(said "$2")" sh -c "[ '$(reason_of "$2")' = OOMKilled ] && echo '$(said "$2")' | grep -q '$3'"
}
eat='sleep 1; exec tail /dev/zero'

shimctl run --name own -m 24Mi --log-directory $logs $image -- sh -c "$eat"
verdict oom-container own "containers own memory limit"
check oom-container-code "$(shimctl inspect own | grep exitCode)" grep -q '"exitCode":137' <<< "$(shimctl inspect own | flat)"
check oom-memory-recorded "$(cat $root/containers/*/exit.json)" grep -Eq '"peakBytes": ?[1-9]' $root/containers/"$(id_of own)"/exit.json

shimctl run --name child -m 24Mi --log-directory $logs $image -- sh -c '(exec tail /dev/zero); echo child $?; exit 5'
wait_exit child
same oom-child Error "$(reason_of child)"

pod_cgroup vmpod 32M 512M
shimctl run --name inpod --cgroup-parent $parent --log-directory $logs $image -- sh -c "$eat"
verdict oom-pod inpod "pods memory limit"

pod_cgroup vmnode 512M 32M
shimctl run --name innode --cgroup-parent $parent --log-directory $logs $image -- sh -c "$eat"
verdict oom-ancestor innode "above the pod"

shimctl run --name greedy --log-directory $logs $image -- sh -c "$eat"
verdict oom-machine greedy "machine was out of memory"
remove_pods
if [ $machine = systemd ]; then systemctl stop vmpod.slice vmnode.slice; else rmdir /sys/fs/cgroup/vm{pod,node}/pod1 /sys/fs/cgroup/vm{pod,node}; fi
