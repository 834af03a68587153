#!/bin/bash
# usage: previous-shim.sh   A shim of the previous protocol version, from today's sources with PREVIOUS_PROTOCOL defined, into
# artifacts/previous-protocol/shimruntime-shim. Built in a copy of the tree, so that nothing of today's build is written over. For tests alone.
set -euo pipefail
cd "$(dirname "$0")/.."
out=artifacts/previous-protocol
inputs=(src/ShimRuntime.Linux src/ShimRuntime.Oci src/ShimRuntime.ShimProtocol src/ShimRuntime.Shim proto Directory.Build.props Directory.Packages.props global.json eng/BannedSymbols.txt)
mkdir -p "$out/tree"
list=$(find "${inputs[@]}" \( -name bin -o -name obj \) -prune -o -type f -print | sort)
sum=$( (echo "$list"; xargs -d '\n' cat <<< "$list") | sha256sum)
if [ -x "$out/shimruntime-shim" ] && [ "$(cat "$out/sum" 2>/dev/null)" = "$sum" ]; then exit 0; fi
echo "publishing a shim of the previous protocol version"
# What was copied before is compiled again only where it differs; what is gone must not be compiled.
find "$out/tree" \( -name bin -o -name obj -o -name artifacts \) -prune -o -type f -print0 | xargs -0 -r rm -f
xargs -d '\n' cp -p --parents -t "$out/tree" <<< "$list"
(cd "$out/tree" && dotnet publish src/ShimRuntime.Shim -c Release --nologo -v quiet -clp:"ErrorsOnly;NoSummary" -p:PreviousProtocol=true)
cp -f --remove-destination "$out/tree/artifacts/publish/ShimRuntime.Shim/shimruntime-shim" "$out/"
echo "$sum" > "$out/sum"
"$out/shimruntime-shim" --version
