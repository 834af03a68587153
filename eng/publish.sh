#!/bin/bash
# usage: publish.sh   NativeAOT binaries into artifacts/bin. Only what changed is compiled again.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "publishing shimruntimed, shimruntime-shim, shimctl (the first time takes some minutes)"
dotnet restore eng/publish.proj -v quiet --nologo
dotnet msbuild eng/publish.proj -t:Publish -m -nologo -v:minimal -clp:"ErrorsOnly;NoSummary"
mkdir -p artifacts/bin
# A running binary can't be written to; it can be replaced.
cp -f --remove-destination artifacts/publish/shim/shimruntime-shim artifacts/publish/daemon/shimruntimed artifacts/publish/cli/shimctl artifacts/bin/
ls -l artifacts/bin/
