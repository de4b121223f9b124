#!/bin/sh
# Installs what the browser specs need: Debian's Chromium and its driver, and axe-core from npm.
set -eu

cd "$(dirname "$0")/../browser"

missing=
need() {
    command -v "$2" > /dev/null 2>&1 || missing="$missing $1"
}

need chromium chromium
need chromium-driver chromedriver
need npm npm

if [ -n "$missing" ]; then
    if ! command -v apt-get > /dev/null; then
        echo "missing:$missing (Debian's package names); install them with this system's packages" >&2
        exit 1
    fi
    root=
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update
    # shellcheck disable=SC2086 # a list of words
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
fi

[ -e node_modules/axe-core/axe.min.js ] || npm ci --no-audit --no-fund
