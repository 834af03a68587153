# Bandwidth of a pod in both directions, with the real plugin: a qdisc on the host's end of its veth, and one on an ifb device.
# machines: cgroupfs
# checks: bandwidth-ingress bandwidth-egress bandwidth-gone
configure
sed 's/]}$/,{"type":"bandwidth","capabilities":{"bandwidth":true}}]}/' $work/cni/10-vm.conflist > $work/cni/05-bandwidth.conflist
daemon_start
shimctl image import /payload/busybox.tar || fail import "$(tail -3 $daemon_log)"
shimctl run --name slow --annotation kubernetes.io/ingress-bandwidth=8M --annotation kubernetes.io/egress-bandwidth=16M \
    --log-directory $logs $image -- sleep 1000 || fail run "$(tail -3 $daemon_log)"
port=$(ls /sys/class/net/srvm/brif | head -1)
ifb=$(ip -o link show type ifb | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | head -1)
check bandwidth-ingress "$(tc qdisc show dev "$port" 2>&1 | xargs)" grep -q 'tbf .*rate 8Mbit' <<< "$(tc qdisc show dev "$port")"
check bandwidth-egress "$(tc qdisc show 2>&1 | xargs)" grep -q 'tbf .*rate 16Mbit' <<< "$(tc qdisc show dev "$ifb")"
remove_pods
check bandwidth-gone "$(ip -o link show type ifb | xargs)" test -z "$(ip -o link show type ifb)"
