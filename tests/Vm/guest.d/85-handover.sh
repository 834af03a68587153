# A daemon that hands over, is restarted, or killed under systemd: the main pid follows, and nobody who connects is refused.
# machines: systemd
# checks: handover-main-pid handover-active handover-same-process handover-none-refused handover-restart handover-kill handover-broken
# checks: handover-socket-unit handover-socket-unit-waits handover-left
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
shimctl run --name web --log-directory $logs $image -- sh -c 'while :; do sleep 1; done'
leaf=$(leaf_of "$(id_of web)")
init() { sort -n "$leaf/cgroup.procs" | head -1; }
pid=$(init)

# Connects without pause. A daemon that recovers may say so; a connection that is refused, or finds no socket, is counted.
(while [ ! -e $work/quiet ]; do shimctl version > /dev/null 2>> $work/said; done) &
refused() { grep -c "nobody listens\|cannot reach" $work/said; }

old=$daemon
said=$(shimctl upgrade daemon 2>&1)
daemon=$(systemctl show -P MainPID shimruntime)
check handover-main-pid "$old, then $daemon: $said" sh -c "[ $old != $daemon ] && [ $daemon = \$(head -1 $root/daemon.lock) ]"
sleep 3
same handover-active "active running" "$(systemctl show -P ActiveState shimruntime) $(systemctl show -P SubState shimruntime)"
same handover-same-process "$pid" "$(init)"
same handover-none-refused 0 "$(refused)"

# A planned restart, and a death: systemd keeps both sockets meanwhile.
daemon_restart
same handover-restart 0 "$(refused)"
daemon_kill9
daemon_back
same handover-kill 0 "$(refused)"
said=$(shimctl upgrade daemon --binary /bin/false 2>&1)
check handover-broken "$said" sh -c "[ $(systemctl show -P MainPID shimruntime) = $daemon ]"
touch $work/quiet
wait

# The socket unit, where the service is down: whoever connects starts it, and waits.
daemon_down
mkdir -p /run/systemd/system/shimruntime.socket.d
printf '[Socket]\nListenStream=\nListenStream=%s\n' $socket > /run/systemd/system/shimruntime.socket.d/test.conf
systemctl daemon-reload
systemctl start shimruntime.socket
check handover-socket-unit-waits "$(tail -3 $daemon_log)" until_true 300 serving
daemon=$(systemctl show -P MainPID shimruntime)
same handover-socket-unit "$pid" "$(init)"
remove_pods
check handover-left "$(left_of_pods | head -5 | xargs)" until_true 100 nothing_left
systemctl stop shimruntime.service shimruntime.socket # with the socket goes its file: nobody could be asked any more
rm -rf /run/systemd/system/shimruntime.socket.d
