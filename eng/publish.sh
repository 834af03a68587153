#!/bin/bash
# usage: publish.sh   NativeAOT binaries into artifacts/bin. Only what changed is compiled again.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "publishing shimruntimed, shimruntime-shim, shimctl (the first time takes some minutes)"
dotnet msbuild eng/publish.proj -t:Restore -nologo -v:quiet
dotnet msbuild eng/publish.proj -t:Publish -m -nologo -v:quiet -clp:"ErrorsOnly;NoSummary"
mkdir -p artifacts/bin
# A running binary can't be written to; it can be replaced.
cp -f --remove-destination artifacts/publish/ShimRuntime.Shim/shimruntime-shim artifacts/publish/ShimRuntime.Daemon/shimruntimed \
    artifacts/publish/ShimRuntime.Cli/shimctl artifacts/bin/
ls -l artifacts/bin/
