#!/bin/bash
# usage: test.sh [unit|vm|chaos|power-loss]   Runs every test project and ends with "N passed, N failed" over all of them.
#   unit: without the integration tests and the virtual machine; vm: the virtual machines whole, nothing else;
#   chaos: every failpoint and death, nothing else; power-loss: every disk, nothing else
# Logs and .trx files are kept in artifacts/test-logs; the logs of what failed are shown.
set -uo pipefail
cd "$(dirname "$0")/.."
logs=$PWD/artifacts/test-logs
rm -rf "$logs" && mkdir -p "$logs"
passed=0 failed=0 skipped=0

projects=$(find tests/Unit tests/Architecture -name '*.csproj' | sort)
filter=selection!=whole
hang=25m
case ${1:-} in
    unit) ;;
    vm) projects=$(find tests/Vm -name '*.csproj') filter=selection=whole hang=70m ;;
    chaos) projects=$(find tests/Chaos -name '*.csproj') filter=selection=whole hang=12h ;;
    power-loss) projects=$(find tests/PowerLoss -name '*.csproj') filter=selection=whole hang=180m ;;
    *) projects+=" $(find tests/Integration tests/Chaos tests/PowerLoss tests/Vm -name '*.csproj' | sort)" ;;
esac

# number <attribute> <trx>: of the <Counters …/> element
number() { sed -n "s/.*<Counters [^>]*\b$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -1; }

run() {
    local project=$1 name code=0 count
    name=$(basename "$project" .csproj)
    echo "== $name"
    dotnet test "$project" --no-build --nologo --results-directory "$logs" --logger "trx;LogFileName=$name.trx" \
        --filter "$filter" --blame-hang-timeout $hang --blame-hang-dump-type none > "$logs/$name.log" 2>&1 || code=$?
    if [ -f "$logs/$name.trx" ]; then
        count=$(number failed "$logs/$name.trx")
        passed=$((passed + $(number passed "$logs/$name.trx")))
        skipped=$((skipped + $(number total "$logs/$name.trx") - $(number executed "$logs/$name.trx")))
        failed=$((failed + count))
        # A test host that died has run fewer tests than there are, with none of them failed.
        if [ "$code" != 0 ] && [ "$count" = 0 ]; then failed=$((failed + 1)); fi
    elif [ "$code" != 0 ] || ! grep -q "No test is available" "$logs/$name.log"; then
        failed=$((failed + 1))
    fi
    if [ "$code" != 0 ]; then cat "$logs/$name.log"; else tail -n 1 "$logs/$name.log"; fi
}

# Every library whole through the AOT compiler, where a warning is an error; then it has to run. Counts as one test.
aot_smoke() {
    echo "== ShimRuntime.AotSmoke"
    if dotnet publish tests/AotSmoke -c Release --nologo -v quiet -clp:"ErrorsOnly;NoSummary" > "$logs/aot-smoke.log" 2>&1 \
        && artifacts/publish/ShimRuntime.AotSmoke/ShimRuntime.AotSmoke >> "$logs/aot-smoke.log" 2>&1; then
        passed=$((passed + 1))
        tail -n 1 "$logs/aot-smoke.log"
    else
        failed=$((failed + 1))
        cat "$logs/aot-smoke.log"
    fi
}

echo "building the tests"
if dotnet build ShimRuntime.sln -v quiet --nologo -clp:"ErrorsOnly;NoSummary" > "$logs/build.log" 2>&1; then
    for project in $projects; do run "$project"; done
    [ -n "${1:-}" ] || aot_smoke
else
    cat "$logs/build.log"
    failed=1
fi

[ "$failed" = 0 ] || echo "logs: $logs"
[ "$skipped" = 0 ] && rest= || rest=", $skipped skipped"
echo "$passed passed, $failed failed$rest"
[ "$failed" = 0 ]
