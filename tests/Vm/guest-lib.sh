# Sourced before each script of guest.d: a daemon, checks, and the question what is left. $machine is cgroupfs or systemd.
set -u
work=/run/srt
image=shimruntime.local/busybox:latest
logs=$work/logs
netns=$work/netns
root=$work/root
state=$work/state
socket=$work/cri.sock
daemon_log=$work/daemon.log
failures=0

pass() { echo "PASS $1"; }
fail() { # NAME WHY
    echo "FAIL $1: $2"
    failures=$((failures + 1))
}
check() { # NAME WHAT-WAS-FOUND COMMAND...
    local name=$1 found=$2
    shift 2
    if "$@" > /dev/null 2>&1; then pass "$name"; else fail "$name" "$found"; fi
}
same() { # NAME WANTED FOUND
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "'$3' where '$2' is wanted"; fi
}
until_true() { # TENTHS COMMAND...
    local left=$1
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 0.1
    done
}

shimctl() { command shimctl --endpoint unix://$socket "$@"; }
# Version answers before recovery is done; a list is refused until then.
serving() { shimctl ps; }

# Settings of this script's daemon: the lines given as arguments after the usual ones. The driver is the machine's.
configure() {
    rm -rf $work
    mkdir -p $logs $work/cni $netns
    {
        printf 'root = "%s"\nstate = "%s"\nlisten = "unix://%s"\ncni_conf_dir = "%s"\nnetns_dir = "%s"\nlog_level = "debug"\n' \
            $root $state $socket $work/cni $netns
        [ $machine = cgroupfs ] || echo 'cgroup_driver = "systemd"'
        [ $# = 0 ] || printf '%s\n' "$@"
    } > $work/config.toml
    cat > $work/cni/10-vm.conflist <<J
{"cniVersion":"1.0.0","name":"vm","plugins":[
 {"type":"bridge","bridge":"srvm","isGateway":true,"ipMasq":false,
  "ipam":{"type":"host-local","dataDir":"$work/ipam","ranges":[[{"subnet":"10.123.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]}
J
}

# Under systemd the installed unit runs it, with this script's settings; else it is a child, in a cgroup of its own as under Delegate=yes.
daemon_start() {
    if [ $machine = systemd ]; then
        mkdir -p /run/systemd/system/shimruntime.service.d
        printf '[Service]\nExecStart=\nExecStart=/usr/local/bin/shimruntimed --config %s\nStandardError=append:%s\n' $work/config.toml $daemon_log \
            > /run/systemd/system/shimruntime.service.d/test.conf
        systemctl daemon-reload
        systemctl start shimruntime || tail -20 $daemon_log
        daemon=$(systemctl show -P MainPID shimruntime)
    else
        mkdir -p /sys/fs/cgroup/daemon
        (echo $BASHPID > /sys/fs/cgroup/daemon/cgroup.procs; exec shimruntimed --config $work/config.toml >> $daemon_log 2>&1) &
        daemon=$!
        until_true 600 serving
    fi
}
daemon_kill9() {
    kill -9 $daemon
    if [ $machine != systemd ]; then wait $daemon 2> /dev/null; fi
}
# After a kill: systemd starts it again by itself.
daemon_back() {
    if [ $machine = systemd ]; then
        until_true 300 serving
        daemon=$(systemctl show -P MainPID shimruntime)
    else
        daemon_start
    fi
}
# A restart that nobody asked the containers about.
daemon_restart() {
    if [ $machine = systemd ]; then
        systemctl restart shimruntime
        daemon=$(systemctl show -P MainPID shimruntime)
    else
        daemon_down
        daemon_up
    fi
    until_true 300 serving
}
daemon_down() { if [ $machine = systemd ]; then systemctl stop shimruntime; else kill $daemon; wait $daemon; fi; }
daemon_up() {
    if [ $machine = systemd ]; then systemctl start shimruntime; else daemon_start; fi
    until_true 300 serving
}
# Sets $daemon_exit.
daemon_stop() {
    if [ $machine = systemd ]; then
        systemctl stop shimruntime
        daemon_exit=$(systemctl show -P ExecMainStatus shimruntime)
    else
        kill $daemon
        wait $daemon
        daemon_exit=$?
    fi
}

# One object of CRI's answers on one line without spaces, for grep.
flat() { tr -d ' \n'; }
id_of() { shimctl inspect "$1" | flat | grep -Eo '"id":"[0-9a-f]{64}"' | head -1 | cut -d'"' -f4; }
pod_of() { shimctl inspect "$1" | flat | grep -Eo '"(sandboxID|podSandboxId|sandboxId)":"[0-9a-f]{64}"' | head -1 | cut -d'"' -f4; }
# The container's cgroup directory and, with /g1-… or ….scope behind it, its generation's.
cgroup_of() { find /sys/fs/cgroup -type d \( -name "$1" -o -name "*$1.slice" \) -not -path '*.service/*' | head -1; }
leaf_of() { find /sys/fs/cgroup -type d \( -name "g1-$1" -o -name "*-$1.scope" \) | head -1; }
wait_exit() { until_true 600 sh -c "command shimctl --endpoint unix://$socket inspect $1 2> /dev/null | grep -q '\"reason\": *\"[A-Z]'"; }
reason_of() { shimctl inspect "$1" | flat | grep -Eo '"reason":"[A-Za-z]*"' | head -1 | cut -d'"' -f4; }
remove_pods() { for p in $(shimctl pods -q); do shimctl rmp -f "$p"; done; }

left_cgroups() { find /sys/fs/cgroup -depth -type d | grep -E '/g[0-9]+-[0-9a-f]{64}|/[0-9a-f]{64}|[0-9a-f]{64}\.(scope|slice)'; }
# Units of systemd's, failed ones too, and what it keeps of a unit's properties.
left_units() {
    [ $machine = systemd ] || return
    {
        systemctl list-units --all --plain --no-legend '*.scope' '*.slice' | awk '{ print $1 }'
        find /run/systemd/transient /run/systemd/system.control /etc/systemd/system.control -mindepth 1 2> /dev/null
    } | grep -E '[0-9a-f]{64}'
}
left_of_pods() {
    left_cgroups
    left_units
    grep -E "$work/(state/c|netns|state/sandboxes)" /proc/self/mountinfo
    pgrep -af 'shimruntime-shim'
    ls /sys/class/net/srvm/brif 2> /dev/null
    ls $netns
}
nothing_left() { [ -z "$(left_of_pods)" ]; }

# The end of every script: its pods away, its daemon stopped, and nothing left of either.
finish() {
    if serving > /dev/null 2>&1; then
        remove_pods > /dev/null
        until_true 100 nothing_left
        nothing_left || fail "$name-left" "$(left_of_pods | head -5 | xargs)"
        daemon_stop
    fi
    if [ $failures != 0 ]; then
        echo "--- end of $daemon_log"
        tail -60 $daemon_log
    fi
    [ $failures = 0 ]
}
