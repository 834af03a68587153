#!/bin/bash
# usage: publish.sh [previous]   NativeAOT binaries into artifacts/bin. Only what changed is compiled again.
#   previous: a shim with the state schema of the release before, into artifacts/bin/previous, for tests of upgrades
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${1:-}" = previous ]; then
    dotnet msbuild eng/publish.proj -t:Restore -nologo -v:quiet
    dotnet msbuild eng/publish.proj -t:PublishPreviousShim -nologo -v:quiet -clp:"ErrorsOnly;NoSummary"
    mkdir -p artifacts/bin/previous
    cp -f --remove-destination artifacts/publish/ShimRuntime.Shim.Previous/shimruntime-shim artifacts/bin/previous/
    exit
fi
echo "publishing shimruntimed, shimruntime-shim, shimctl (the first time takes some minutes)"
dotnet msbuild eng/publish.proj -t:Restore -nologo -v:quiet
dotnet msbuild eng/publish.proj -t:Publish -m -nologo -v:quiet -clp:"ErrorsOnly;NoSummary"
mkdir -p artifacts/bin
# A running binary can't be written to; it can be replaced.
cp -f --remove-destination artifacts/publish/ShimRuntime.Shim/shimruntime-shim artifacts/publish/ShimRuntime.Daemon/shimruntimed \
    artifacts/publish/ShimRuntime.Cli/shimctl artifacts/bin/
ls -l artifacts/bin/
