#!/bin/bash
# usage: publish.sh [previous|chaos]   NativeAOT binaries into artifacts/bin. Only what changed is compiled again.
#   previous: a shim with the state schema of the release before, into artifacts/bin/previous, for tests of upgrades
#   chaos:    shimruntimed and shimruntime-shim with failpoints, into artifacts/chaos/bin
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = previous ]; then
    dotnet msbuild eng/publish.proj -t:Restore -nologo -v:quiet
    dotnet msbuild eng/publish.proj -t:PublishPreviousShim -nologo -v:quiet -clp:"ErrorsOnly;NoSummary"
    mkdir -p artifacts/bin/previous
    cp -f --remove-destination artifacts/publish/ShimRuntime.Shim.Previous/shimruntime-shim artifacts/bin/previous/
    exit
fi
out=artifacts properties=() binaries=(ShimRuntime.Shim/shimruntime-shim ShimRuntime.Daemon/shimruntimed)
if [ "${1:-}" = chaos ]; then
    out=artifacts/chaos properties=(-p:Failpoints=true)
    echo "publishing shimruntimed, shimruntime-shim with failpoints (the first time takes some minutes)"
    dotnet build tests/Failpoints -c Release -o "$out/generator" --nologo -v quiet -clp:"ErrorsOnly;NoSummary"
else
    binaries+=(ShimRuntime.Cli/shimctl)
    echo "publishing shimruntimed, shimruntime-shim, shimctl (the first time takes some minutes)"
fi
dotnet msbuild eng/publish.proj -t:Restore -nologo -v:quiet "${properties[@]}"
dotnet msbuild eng/publish.proj -t:Publish -m -nologo -v:quiet -clp:"ErrorsOnly;NoSummary" "${properties[@]}"
mkdir -p $out/bin
# A running binary can't be written to; it can be replaced.
for binary in "${binaries[@]}"; do cp -f --remove-destination $out/publish/$binary $out/bin/; done
ls -l $out/bin/
