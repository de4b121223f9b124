#!/bin/sh
# Shows the plugin at work: a gateway, a shop behind it, ordinary users, and attacks.
#
#   demo/run.sh
#
# Environment, with the defaults:
#   PROXY_PORT 8000   ADMIN_PORT 8001   DEMO_PORT 9000
#   PREFIX         directory that a folder is made in, and taken away again (${TMPDIR:-/tmp})
#   DEMO_SECONDS   40: how long the traffic lasts
#   GATEWAY        embedded, kong or kong-postgres; a kong on PATH, else embedded
#   WORKERS        2          LIB_DIR    where libthreat_agent.so is (target/release)
#
# Exits with 0 when every attack was refused and no legitimate request was. Ctrl-C ends all of it.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
LAUNCHER=$HERE/../spec/gateway/run.sh

export PROXY_PORT="${PROXY_PORT:-8000}" ADMIN_PORT="${ADMIN_PORT:-8001}" DEMO_PORT="${DEMO_PORT:-9000}"
export DEMO_SECONDS="${DEMO_SECONDS:-40}" WORKERS="${WORKERS:-2}"
export CONFIG="$HERE/kong.yml" LOG_LEVEL="${LOG_LEVEL:-notice}"
# The actors come from addresses of their own, which the gateway believes from this machine only.
export TRUSTED_IPS=127.0.0.1 REAL_IP_HEADER=X-Forwarded-For
if [ -z "${GATEWAY:-}" ]; then
    if command -v kong > /dev/null; then GATEWAY=kong; else GATEWAY=embedded; fi
fi
export GATEWAY

made=
base=${PREFIX:-${TMPDIR:-/tmp}}
work=
started=
running=

# Each part runs in a session of its own: Ctrl-C reaches this script alone, which then ends the
# parts in order.
run_apart() {
    running=yes
    setsid "$@" < /dev/null &
    status=0
    wait "$!" || status=$?
    running=
    return "$status"
}

clean_up() {
    trap '' INT TERM HUP
    if [ -n "$running" ] && [ -n "${!:-}" ]; then
        # A gateway that is just starting is let through, to be stopped properly.
        [ "$started" = starting ] || kill "$!" 2> /dev/null || true
        wait "$!" 2> /dev/null || true
    fi
    if [ -n "$started" ]; then
        PREFIX="$work/gateway" setsid "$LAUNCHER" stop < /dev/null > /dev/null 2>&1 || true
    fi
    [ -z "$work" ] || rm -rf "$work"
    [ -z "$made" ] || rmdir "$made" 2> /dev/null || true
    [ ! -t 1 ] || printf '\033[?25h'
}

need() {
    command -v "$1" > /dev/null || { echo "$1 is missing: run \`make setup\` first" >&2; exit 1; }
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

need luajit
need setsid

if [ ! -d "$base" ]; then
    made=$base
    mkdir -p "$base"
fi
work=$(mktemp -d "$base/threat-agent-demo.XXXXXX")

echo "Starting the gateway ($GATEWAY) on http://127.0.0.1:$PROXY_PORT, the shop's API behind it on $DEMO_PORT."
started=starting
if ! PREFIX="$work/gateway" run_apart "$LAUNCHER" start; then
    tail -n 20 "$work/gateway/logs/error.log" >&2 2> /dev/null || true
    echo "the gateway did not start" >&2
    exit 1
fi
started=yes

case $GATEWAY in
    embedded) GATEWAY_NAME="the embedded gateway ($WORKERS workers)" ;;
    *) GATEWAY_NAME="Kong $(kong version | sed 's/^Kong //') ($WORKERS workers)" ;;
esac
export GATEWAY_NAME

SCREEN_WIDTH=
if [ -t 1 ]; then
    size=$(stty size < /dev/tty 2> /dev/null) || size=
    SCREEN_WIDTH=${size#* }
    SCREEN_WIDTH=${SCREEN_WIDTH:-80}
    printf '\033[?25l'
fi
export SCREEN_WIDTH
export REQUEST_LOG="$work/gateway/requests.log"

run_apart luajit "$HERE/play.lua"
