#!/bin/bash
# Runs inside the machine: the selected scripts of guest.d, each with a daemon of its own and nothing left behind by the one before.
# A script's head says where it runs and what it promises; the test on the host reads the same lines:
#   # machines: cgroupfs systemd
#   # quick                       (part of `make test`)
#   # checks: NAME...             every check that it prints, as "PASS NAME" or "FAIL NAME: why"
set -u
cd "$(dirname "$0")" || exit 1
. ./selection
cp -a installed/. /
failed=0
for script in guest.d/*.sh; do
    name=$(basename "$script" .sh)
    grep -q "^# machines:.*\b$machine\b" "$script" || continue
    case " $selection " in
        "  ") ;;
        *" quick "*) grep -q '^# quick' "$script" || continue ;;
        *" $name "*) ;;
        *) continue ;;
    esac
    echo "--- $name"
    machine=$machine name=$name bash -c '. ./guest-lib.sh; . ./"$1"; finish' guest "$script" || failed=1
done
exit $failed
