# AppArmor: the daemon loads its default profile; what that denies and leaves; Localhost, Unconfined, a profile of the operator's, no parser.
# machines: cgroupfs
# checks: aa-kernel aa-check aa-loaded aa-replaced aa-default aa-asked aa-exec aa-works aa-stops aa-container-denied
# checks: aa-denies aa-denies-mount aa-allows aa-unconfined aa-privileged aa-localhost-missing aa-localhost aa-localhost-denies aa-nothing-made
# checks: aa-theirs-missing aa-theirs-status aa-none aa-no-parser-status aa-no-parser-warning aa-no-parser-check aa-no-parser-runs
profiles=/sys/kernel/security/apparmor/profiles
attribute=/proc/self/attr/current
loaded() { grep -qx "shimruntime-default (enforce)" $profiles; }
label() { shimctl exec "$1" -- cat $attribute 2>&1; }
runs() { shimctl run --name "$1" --log-directory $logs "${@:2}" $image -- sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'; }
# A process of the host under our profile: no read-only mount or missing capability of a container can be what stops it.
under() { aa-exec -p shimruntime-default -- sh -c "$1" 2>&1; }
refuses() { ! under "$1" > /dev/null && sh -c "$1" > /dev/null 2>&1; }

same aa-kernel Y "$(cat /sys/module/apparmor/parameters/enabled)"
# What an older release, or somebody else, has loaded under our name.
echo 'profile shimruntime-default { file, }' | apparmor_parser --replace --skip-cache --quiet
configure
check aa-check "$(shimruntimed --config $work/config.toml --check | grep apparmor)" grep -q '^ok.*apparmor.*loaded' <<< "$(shimruntimed --config $work/config.toml --check)"
daemon_start
until_true 300 shimctl pods # Version answers before recovery is done
check aa-loaded "$(grep shimruntime $profiles; tail -3 $daemon_log)" loaded
check aa-replaced "$(under 'echo h > /proc/sysrq-trigger')" refuses 'echo h > /proc/sysrq-trigger'
shimctl image import /payload/busybox.tar || fail import "$(tail -3 $daemon_log)"

runs plain
same aa-default "shimruntime-default (enforce)" "$(tr -d '\0' < "/proc/$(shimctl inspect plain | flat | grep -Eo '"pid":[0-9]+' | head -1 | cut -d: -f2)/attr/current")"
same aa-exec "shimruntime-default (enforce)" "$(label plain)"
runs asked --apparmor runtime/default
same aa-asked "shimruntime-default (enforce)" "$(label asked)"
shimctl exec plain -- sh -c 'echo h > /proc/sysrq-trigger' > $work/denied 2>&1 && fail aa-container-denied "it was written" || pass aa-container-denied
check aa-works "$(tail -3 $daemon_log)" shimctl exec plain -- sh -c \
    'echo x > /tmp/x && ln /tmp/x /tmp/y && mkfifo /tmp/p && chown 5 /tmp/x && (sleep 100 & kill $!) && (httpd -p 8080 -h /www && wget -q -O - http://127.0.0.1:8080/) && echo 100 > /proc/self/oom_score_adj'
shimctl stop -t 60 plain > /dev/null
check aa-stops "$(shimctl inspect plain | grep exitCode)" grep -q '"exitCode":7' <<< "$(shimctl inspect plain | flat)"

denied=
for write in 'echo 1 > /proc/sys/kernel/sysrq' 'echo vm > /proc/sys/kernel/hostname' 'echo /sbin/modprobe > /proc/sys/kernel/modprobe' \
    'echo 60 > /proc/sys/vm/swappiness' 'echo 65536 > /proc/sys/fs/pipe-user-pages-soft' 'cat /sys/kernel/security/apparmor/profiles' \
    'echo 65536 > /sys/class/net/lo/mtu'; do
    refuses "$write" || denied="$denied [$write: $(under "$write" | head -1)]"
done
check aa-denies "not denied:$denied" test -z "$denied"
check aa-denies-mount "$(under 'mount -t tmpfs x /mnt')" refuses 'mount -t tmpfs x /mnt && umount /mnt'
allowed=
for write in 'cat /proc/sys/kernel/shmmax > /proc/sys/kernel/shmmax' 'cat /proc/sys/kernel/msgmax > /proc/sys/kernel/msgmax' \
    'cat /proc/sys/kernel/sem > /proc/sys/kernel/sem' 'cat /proc/sys/fs/mqueue/msg_max > /proc/sys/fs/mqueue/msg_max' \
    'cat /proc/sys/net/ipv4/ip_default_ttl > /proc/sys/net/ipv4/ip_default_ttl' 'mkdir /sys/fs/cgroup/aa && rmdir /sys/fs/cgroup/aa' \
    'echo x > /proc/self/comm' 'cat /sys/class/net/lo/mtu /proc/meminfo /proc/sys/kernel/hostname'; do
    under "$write" > /dev/null || allowed="$allowed [$write: $(under "$write" | head -1)]"
done
check aa-allows "not allowed:$allowed" test -z "$allowed"

runs free --apparmor unconfined
same aa-unconfined unconfined "$(label free)"
runs king --privileged
same aa-privileged unconfined "$(label king)"
before=$(shimctl ps -aq | wc -l)
runs lost --apparmor localhost/vm-local > $work/lost 2>&1
check aa-localhost-missing "$(cat $work/lost)" grep -q "vm-local.*not loaded" $work/lost
same aa-nothing-made "$before" "$(shimctl ps -aq | wc -l)"
echo 'profile vm-local flags=(attach_disconnected) { file, network, capability, signal, deny /etc/passwd w, }' | apparmor_parser --replace --skip-cache --quiet
runs local --apparmor localhost/vm-local
same aa-localhost "vm-local (enforce)" "$(label local)"
check aa-localhost-denies "/etc/passwd was written" sh -c "! shimctl --endpoint unix://$socket exec local -- sh -c 'echo x >> /etc/passwd'"
remove_pods
daemon_stop

configure 'apparmor_profile = "theirs"'
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
runs refused > $work/refused 2>&1
check aa-theirs-missing "$(cat $work/refused)" grep -q "theirs.*apparmor_profile.*not loaded" $work/refused
check aa-theirs-status "$(shimctl info -o json)" grep -q "theirs.*is not loaded" <<< "$(shimctl info -o json)"
daemon_stop

configure 'apparmor_profile = ""'
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
runs none
same aa-none unconfined "$(label none)"
remove_pods
daemon_stop

mv /sbin/apparmor_parser /sbin/apparmor_parser.away
printf shimruntime-default > /sys/kernel/security/apparmor/.remove
configure
check aa-no-parser-check "$(shimruntimed --config $work/config.toml --check | grep apparmor)" \
    grep -q '^limited.*apparmor.*not installed' <<< "$(shimruntimed --config $work/config.toml --check)"
daemon_start
shimctl image import /payload/busybox.tar > /dev/null
runs bare
same aa-no-parser-runs unconfined "$(label bare)"
check aa-no-parser-status "$(shimctl info -o json)" grep -q "RuntimeDefault is unconfined: apparmor_parser is not installed" <<< "$(shimctl info -o json)"
same aa-no-parser-warning 1 "$(grep -c 'RuntimeDefault is unconfined' $daemon_log)"
mv /sbin/apparmor_parser.away /sbin/apparmor_parser
