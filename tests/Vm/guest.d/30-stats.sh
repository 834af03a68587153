# Stats, pressure, series and events on cgroup v2.
# machines: cgroupfs systemd
# checks: stats-quota stats-psi stats-io-psi stats-swap stats-process stats-network stats-working-set stats-available stats-layer
# checks: metrics-labels metrics-unique metrics-complete metrics-events metrics-threads events-order events-found
configure
daemon_start
shimctl image import /payload/busybox.tar || fail import "$(tail -3 $daemon_log)"
shimctl events -o json > $work/events &
listening=$!
sleep 0.5

shimctl run --name busy -m 64Mi --cpus 0.5 --log-directory $logs $image -- sh -c 'while [ ! -e /quiet ]; do :; done; sleep 1000'
# The writable layer is on a tmpfs here, which is no device.
mkdir -p /var/tmp/disk
shimctl run --name web -m 64Mi -v /var/tmp/disk:/disk --log-directory $logs $image -- \
    sh -c 'mkdir /www; dd if=/dev/zero of=/www/data bs=1M count=2; dd if=/www/data of=/disk/data bs=1M conv=fsync; exec httpd -f -p 80 -h /www'
number() { grep -Eo "\"$1\":\{\"value\":\"?[0-9]+" | head -1 | grep -Eo '[0-9]+$'; }
of() { shimctl stats "$1" -o json | flat; }
pod_stats() { shimctl stats --pods "$(pod_of "$1")" -o json | flat; }

# A core half used, measured twice by two clients; the emulated machine may have less to give, never more.
sleep 3
of web > /dev/null
rate=$(of busy | number usageNanoCores)
check stats-quota "$rate nanocores" test "$rate" -gt 50000000 -a "$rate" -lt 650000000
stats=$(of busy)
check stats-psi "$(grep -Eo '"cpu":.*"memory"' <<< "$stats")" grep -Eq '"cpu":\{.*"psi":\{"[Ff]ull":\{.*"[Ss]ome":\{"?[Tt]otal"?:"?[1-9]' <<< "$stats"
check stats-io-psi "${stats: -300}" grep -Eq '"io":\{.*"psi":\{"[Ff]ull"' <<< "$stats"
check stats-swap "${stats: -300}" grep -q '"swapUsageBytes"' <<< "$stats"
same stats-process 1 "$(pod_stats busy | number processCount)"

before=$(pod_stats web | number txBytes)
address=$(shimctl inspect "$(pod_of web)" | flat | grep -Eo '"ip":"[0-9.]+"' | head -1 | cut -d'"' -f4)
/bin/busybox wget -q -O /dev/null "http://$address/data" || fail download "from '$address'"
after=$(pod_stats web | number txBytes)
check stats-network "$before then $after bytes" test $((after - before)) -gt 2097152

small=$(of web | number workingSetBytes)
shimctl exec web -- dd if=/dev/zero of=/dev/shm/filled bs=1M count=16
large=$(of web | number workingSetBytes)
check stats-working-set "$small then $large bytes" test $((large - small)) -gt 16000000
same stats-available 67108864 $((large + $(of web | number availableBytes)))
grown() { [ "$(of web | number usedBytes)" -ge 2097152 ]; } # a tmpfs counts no directories
check stats-layer "$(of web | grep -Eo '"writableLayer".*')" until_true 600 grown

shimctl metrics > $work/metrics
check metrics-labels "$(head -3 $work/metrics)" grep -Eq '^container_memory_working_set_bytes\{container="web",id="/.*",image=".*",name="[0-9a-f]{64}",namespace=".*",pod=".*"\} [1-9]' $work/metrics
same metrics-unique "" "$(grep -v '^#' $work/metrics | sed 's/} .*/}/' | sort | uniq -d)"
missing=
for series in pressure_cpu_waiting_seconds_total pressure_memory_stalled_seconds_total pressure_io_waiting_seconds_total memory_events_max_total \
    oom_events_total fs_usage_bytes fs_writes_bytes_total spec_cpu_quota cpu_cfs_throttled_periods_total memory_max_usage_bytes file_descriptors \
    network_receive_bytes_total start_time_seconds ulimits_soft; do
    grep -q "^container_$series{" $work/metrics || missing="$missing $series"
done
same metrics-complete "" "$missing"
throttled() { shimctl metrics | grep -E '^container_cpu_cfs_throttled_periods_total\{container="busy"' | grep -Eq '\} [1-9]'; }
check metrics-threads "$(grep throttled_periods $work/metrics)" until_true 100 throttled
shimctl run --name oom -m 24Mi --log-directory $logs $image -- sh -c 'while :; do (exec tail /dev/zero); sleep 1; done'
counted() { shimctl metrics | grep -E '^container_oom_events_total\{container="oom"' | grep -Eq '\} [1-9]'; }
check metrics-events "$(shimctl metrics | grep oom_events)" until_true 300 counted

shimctl rm -f web
told() { grep -c '"containerEventType"' $work/events; }
sleep 1
web=$(flat < $work/events | grep -Eo '"containerId":"[0-9a-f]+","containerEventType":"[A-Z_]+"' | cut -d'"' -f8 | xargs)
check events-order "$web" grep -q 'CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT' <<< "$web"
kill $listening

busy=$(id_of busy)
daemon_kill9
pkill -9 -P "$(pgrep -f "shimruntime-shim.*${busy:0:16}" | head -1)" 2> /dev/null || kill -9 "$(head -1 "$(leaf_of "$busy")/cgroup.procs")"
until_true 100 test -e $root/containers/$busy/exit.json
daemon_back
shimctl events -o json > $work/events2 &
listening=$!
heard() { flat < $work/events2 | grep -q "\"containerId\":\"$busy\",\"containerEventType\":\"CONTAINER_STOPPED_EVENT\""; }
check events-found "$(flat < $work/events2 | cut -c1-300)" until_true 100 heard
kill $listening
