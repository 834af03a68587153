# The installed unit, as systemd itself judges it.
# machines: systemd
# checks: unit-verify unit-config unit-spares-containers unit-notifies
configure
daemon_start
said=$(systemd-analyze verify /etc/systemd/system/shimruntime.service 2>&1)
same unit-verify "" "$(grep -i shimruntime <<< "$said")"
check unit-config "$(shimruntimed --check)" grep -q '^ok.*settings.*/var/lib/shimruntime' <<< "$(shimruntimed --check)"
# What the containers' life depends on over a restart, as systemd has it in force; READY came from the daemon itself.
of() { systemctl show -P "$1" shimruntime; }
same unit-spares-containers 'process yes always' "$(of KillMode) $(of Delegate) $(of Restart)"
same unit-notifies 'notify active running' "$(of Type) $(of ActiveState) $(of SubState)"
