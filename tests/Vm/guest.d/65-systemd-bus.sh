# The way to systemd breaks: its bus restarted, systemd re-executed, no bus at all, and nobody there to ask.
# machines: systemd
# checks: bus-restarted bus-reexec bus-private bus-private-create bus-private-removed bus-again lost-update lost-update-kept lost-create
# checks: lost-nothing-made lost-exec lost-stop found-update found-properties found-removed
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
property() { systemctl show -P "$1" "$(basename "$2")"; }
limits() { echo "$(cat "$container/memory.max") $(cat "$leaf/memory.max") $(property MemoryMax "$container") $(property MemoryMax "$leaf")"; }
four() { echo "$1 $1 $1 $1"; }
shimctl run --name web -m 64Mi --log-directory $logs $image -- sleep 100000
container=$(cgroup_of "$(id_of web)")
leaf=$(leaf_of "$(id_of web)")

systemctl restart dbus
shimctl update web -m 80Mi
same bus-restarted "$(four 83886080)" "$(limits)"
systemctl daemon-reexec
shimctl update web -m 96Mi
same bus-reexec "$(four 100663296)" "$(limits)"

# Without a bus, over systemd's own socket; runc takes the same way.
systemctl stop dbus.socket dbus.service
shimctl update web -m 112Mi
same bus-private "$(four 117440512)" "$(limits)"
shimctl run --name second --log-directory $logs $image -- sleep 100000
second=$(id_of second)
same bus-private-create active "$(systemctl is-active "shimruntime-g1-$second.scope")"
shimctl rmp -f "$(pod_of second)" > /dev/null
same bus-private-removed "" "$(left_cgroups | grep "$second")$(left_units | grep "$second")"

# Nobody: the socket's name away, and a daemon that has no connection yet. systemctl has no other way either.
mv /run/systemd/private /run/systemd/private.away
held="$(cat "$container/memory.max") $(cat "$leaf/memory.max") $(shimctl inspect web | grep -o '"memoryLimitInBytes": *"[0-9]*"' | head -1)"
daemon_kill9
until_true 300 serving
refusal=$(shimctl update web -m 48Mi 2>&1)
check lost-update "$refusal" grep -q 'failed to reach systemd.*as they were' <<< "$refusal"
same lost-update-kept "$held" "$(cat "$container/memory.max") $(cat "$leaf/memory.max") $(shimctl inspect web | grep -o '"memoryLimitInBytes": *"[0-9]*"' | head -1)"
pods=$(shimctl pods -q | wc -l)
refusal=$(shimctl run --name lost --log-directory $logs $image -- true 2>&1)
check lost-create "$refusal" grep -q 'failed to reach systemd' <<< "$refusal"
same lost-nothing-made "$pods" "$(shimctl pods -q | wc -l)"
# What runs needs nobody.
check lost-exec "$(tail -3 $daemon_log)" shimctl exec web -- true
shimctl stop -t 0 web > /dev/null
same lost-stop 137 "$(shimctl inspect web | flat | grep -Eo '"exitCode":[0-9]+' | head -1 | cut -d: -f2)"

mv /run/systemd/private.away /run/systemd/private
shimctl run --name back -m 64Mi --log-directory $logs $image -- sleep 100000
container=$(cgroup_of "$(id_of back)")
leaf=$(leaf_of "$(id_of back)")
check found-update "$(tail -3 $daemon_log)" shimctl update back -m 48Mi
same found-properties "$(four 50331648)" "$(limits)"
systemctl start dbus.socket
same bus-again active "$(systemctl start dbus.service; systemctl is-active dbus.service)"
daemon=$(systemctl show -P MainPID shimruntime)
remove_pods
until_true 100 nothing_left
same found-removed "" "$(left_of_pods | head -5 | xargs)"
