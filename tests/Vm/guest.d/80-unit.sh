# The installed unit, as systemd itself judges it.
# machines: systemd
# checks: unit-verify unit-config
configure
daemon_start
said=$(systemd-analyze verify /etc/systemd/system/shimruntime.service 2>&1)
same unit-verify "" "$(grep -i shimruntime <<< "$said")"
check unit-config "$(shimruntimed --check)" grep -q '^ok.*settings.*/var/lib/shimruntime' <<< "$(shimruntimed --check)"
