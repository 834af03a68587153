# Checkpoint and restore by CRIU: a counter with an open file goes on here and, from its value, in another pod; two containers of a pod are
# one cut; hostile archives are refused and nothing is left of them.
# machines: cgroupfs
# checks: ckpt-written ckpt-goes-on ckpt-not-frozen ckpt-mode ckpt-parts ckpt-staging-empty ckpt-deadline ckpt-deadline-goes-on
# checks: restore-runs restore-counts restore-file restore-deleted restore-cgroup restore-pod restore-daemon restore-stops restore-original
# checks: restore-other-mount restore-privileges restore-changed restore-unsealed restore-escape restore-nothing-left
# checks: pod-written pod-one-cut pod-restored pod-restored-goes-on pod-refused
configure
daemon_start
shimctl image import /payload/busybox.tar > /dev/null || fail import "$(tail -3 $daemon_log)"
archive=$work/c.tar
# Values live in memory and in an open file; the log has every step. /www/index.html is the image's, and deleted.
counter='rm -f /www/index.html; mkdir -p /data; exec 5> /data/n; n=0; while :; do n=$((n+1)); echo n $n; echo $n >&5; usleep 100000; done'
last() { shimctl logs "$1" 2> /dev/null | tail -n 1 | cut -d' ' -f2; }
counting() { local seen; seen=$(last "$1"); until_true 300 sh -c "[ \"\$(command shimctl --endpoint unix://$socket logs $1 | tail -n 1 | cut -d' ' -f2)\" -gt ${seen:-0} ]"; }
refused() { # CHECK WORDS COMMAND...
    local name=$1 words=$2 said
    shift 2
    said=$("$@" 2>&1) && fail "$name" "accepted" || check "$name" "$said" grep -q "$words" <<< "$said"
}

shimctl run --name c --log-directory $logs $image -- sh -c "$counter"
id=$(id_of c)
until_true 300 sh -c "[ \"\$(command shimctl --endpoint unix://$socket logs c | wc -l)\" -gt 5 ]"
before=$(last c)
said=$(shimctl checkpoint c $archive 2>&1)
check ckpt-written "$said; $(tail -5 $daemon_log)" test -s $archive
check ckpt-goes-on "$(last c)" counting c
same ckpt-not-frozen 'frozen 0' "$(grep frozen "$(leaf_of "$id")/cgroup.events")"
same ckpt-mode '600' "$(stat -c %a $archive)"
missing=
for part in checkpoint/pstree.img checkpoint/descriptors.json config.dump spec.dump status.dump rootfs-diff.tar deleted.files dump.log stats-dump container.log shimruntime.seal; do
    tar -tf $archive "$part" > /dev/null 2>&1 || missing="$missing $part"
done
same ckpt-parts "" "$missing"
kept=$(tar -xOf $archive container.log | tail -n 1 | sed 's/.* n //')
same ckpt-staging-empty "" "$(ls $root/staging)"

# A deadline that CRIU can't keep under emulation: nothing is written, and the container is not left standing.
refused ckpt-deadline 'was not done within 1 s' shimctl checkpoint -t 1 c $work/late.tar
[ ! -e $work/late.tar ] || fail ckpt-deadline "it is there"
until_true 1200 grep -q 'frozen 0' "$(leaf_of "$id")/cgroup.events"
check ckpt-deadline-goes-on "$(last c)" counting c

shimctl run --name d --log-directory $logs $archive > $work/restored 2>&1
check restore-runs "$(cat $work/restored; tail -5 $daemon_log)" shimctl exec d -- true
first=$(shimctl logs d | head -n 1 | cut -d' ' -f2)
same restore-counts $((kept + 1)) "${first:-none}"
check restore-file "$(shimctl exec d -- tail -n 2 /data/n)" sh -c "[ \"\$(command shimctl --endpoint unix://$socket exec d -- head -n 1 /data/n)\" = 1 ]"
check restore-deleted "it is there" sh -c "! command shimctl --endpoint unix://$socket exec d -- test -e /www/index.html"
new=$(id_of d)
check restore-cgroup "$(find /sys/fs/cgroup/shimruntime -type d)" grep -q . "$(leaf_of "$new")/cgroup.procs"
same restore-pod d "$(shimctl exec d -- hostname)"
daemon_kill9
daemon_back
check restore-daemon "$(tail -3 $daemon_log)" counting d
check restore-original "$(last c)" counting c
check restore-stops "$(tail -3 $daemon_log)" shimctl stop -t 0 d

# What the archive was not made for, and what it was not.
mkdir $work/host
refused restore-other-mount 'does not fit the request.*no mount at ./mnt' shimctl run --name m -v $work/host:/mnt --log-directory $logs $archive
shimctl run --name king --privileged --log-directory $logs $image -- sleep 100000
said=$(shimctl checkpoint king $work/king.tar 2>&1) || fail restore-privileges "$said"
refused restore-privileges 'does not fit the request' shimctl run --name serf --log-directory $logs $work/king.tar
mkdir $work/x && tar -xf $archive -C $work/x
printf 'x' >> $work/x/checkpoint/pages-1.img
tar -cf $work/changed.tar -C $work/x .
refused restore-changed 'was changed after it was written' shimctl run --name e --log-directory $logs $work/changed.tar
rm $work/x/shimruntime.seal
tar -cf $work/unsealed.tar -C $work/x .
refused restore-unsealed 'is not sealed' shimctl run --name e --log-directory $logs $work/unsealed.tar
touch $work/outside
tar -cPf $work/escape.tar -C $work/x ../outside config.dump
refused restore-escape 'leads out of the archive' shimctl run --name e --log-directory $logs $work/escape.tar
same restore-nothing-left "" "$(ls $root/staging; shimctl pods | grep -wE 'e|m|serf')"
remove_pods

# Two containers, one file on the host that both count into: one cut is one value.
shimctl run --name left --log-directory $logs -v $work/host:/shared $image -- sh -c 'n=0; while :; do n=$((n+1)); echo $n > /shared/n; echo n $n; usleep 50000; done' > /dev/null
shimctl run --pod left --name right --log-directory $logs -v $work/host:/shared $image -- sh -c 'while :; do n=; read n < /shared/n; [ -z "$n" ] || echo n $n; usleep 50000; done' > /dev/null
until_true 300 sh -c "[ \"\$(command shimctl --endpoint unix://$socket logs right | wc -l)\" -gt 5 ]"
said=$(shimctl checkpoint --pod left $work/pod.tar 2>&1)
check pod-written "$said; $(tail -5 $daemon_log)" tar -tf $work/pod.tar containers/left/checkpoint/pstree.img containers/right/checkpoint/pstree.img
# What either wrote last before it stood still: a step or two apart, where CRIU took seconds for the first before it began with the second.
l=$(tar -xOf $work/pod.tar containers/left/container.log | tail -n 1 | sed 's/.* n //')
r=$(tar -xOf $work/pod.tar containers/right/container.log | tail -n 1 | sed 's/.* n //')
check pod-one-cut "left $l, right $r" test $((l - r)) -ge -20 -a $((l - r)) -le 20
remove_pods

shimctl run --name pair --log-directory $logs $image -- sh -c 'n=0; while :; do n=$((n+1)); echo n $n; usleep 100000; done' > /dev/null
shimctl run --pod pair --name second --log-directory $logs $image -- sh -c 'n=1000; while :; do n=$((n+1)); echo n $n; usleep 100000; done' > /dev/null
until_true 300 sh -c "[ \"\$(command shimctl --endpoint unix://$socket logs second | wc -l)\" -gt 5 ]"
shimctl checkpoint --pod pair $work/pair.tar > /dev/null || fail pod-restored "$(tail -3 $daemon_log)"
remove_pods
refused pod-refused 'says nothing of the checkpoint' shimctl restore $work/pair.tar --name again --log-directory $logs pair=$image
said=$(shimctl restore $work/pair.tar --name again --log-directory $logs pair=$image second=$image 2>&1)
want="$(tar -xOf $work/pair.tar containers/pair/container.log | tail -n 1 | sed 's/.* n //') $(tar -xOf $work/pair.tar containers/second/container.log | tail -n 1 | sed 's/.* n //')"
same pod-restored "$want" "$(($(shimctl logs pair | head -n 1 | cut -d' ' -f2) - 1)) $(($(shimctl logs second | head -n 1 | cut -d' ' -f2) - 1))"
check pod-restored-goes-on "$said; $(tail -5 $daemon_log)" counting second
