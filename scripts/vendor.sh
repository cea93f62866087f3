#!/bin/sh
# Refreshes what others wrote and we ship: idiomorph (0BSD), which morphs the page without losing what somebody is typing.
# Nothing here runs when AnyDay is installed or served. Needs npm; look at the difference before you commit it.
set -eu
version="${1:-0.8.0}"
into="$(cd "$(dirname "$0")/.." && pwd)/src/anyday/web/static/vendor"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "idiomorph@$version" >/dev/null
tar -xzf idiomorph-*.tgz
cp package/dist/idiomorph.min.js "$into/idiomorph.min.js"
cp package/LICENSE "$into/idiomorph.LICENSE"
echo "idiomorph $version: $(wc -c <"$into/idiomorph.min.js") bytes"
