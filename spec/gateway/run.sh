#!/usr/bin/env bash
# Runs a gateway with the plugin, and the demo API behind it, on 127.0.0.1.
#
#   CONFIG=file.yml spec/gateway/run.sh start|stop|reload|foreground|control-start|control-stop
#
# Environment, with the defaults:
#   GATEWAY        embedded, kong (DB-less), kong-postgres or kong-hybrid; a kong on PATH, else embedded
#   CONFIG         declarative configuration; ${DEMO_PORT}, ${PREFIX}, ${ADMIN_PORT}, ${PROXY_PORT},
#                  ${CONTROL_STATUS_PORT} in it are filled in (spec/gateway/shop.yml)
#   PREFIX         directory for everything that is written (one under ${TMPDIR:-/tmp})
#   PROXY_PORT     8000       H2_PORT    none: HTTP/2 without TLS
#   ADMIN_PORT     8001       STATUS_PORT none
#   DEMO_PORT      9000       NO_DEMO_API 1 starts no demo API
#   WORKERS        2          LOG_LEVEL  notice
#   PLUGINS        bundled,threat-agent
#   LIB_DIR        where libthreat_agent.so is (target/release)
#   EXTRA_LUA_DIR  none; a further directory of Lua modules, for more plugins
#   TRUSTED_IPS    none; comma-separated, with REAL_IP_HEADER (X-Real-IP), REAL_IP_RECURSIVE (off)
#   LISTEN_OPTIONS backlog=4096
#   POSTGRES_PORT  5433, for kong-postgres and kong-hybrid      CLUSTER_PORT 8005, for kong-hybrid
#   POSTGRES_TEMPLATE none; a folder that the first start leaves a cluster with Kong's tables in, and later ones copy
#   CONTROL_STATUS_PORT none; the control plane's Status API, for kong-hybrid
#   OWNER_PID      none; when that process ends, the gateway ends and PREFIX is removed
# `stop`, `reload`, `control-start` and `control-stop` need PREFIX only; the latter are kong-hybrid's control plane's.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/../.." && pwd)
START_TIMEOUT_S=60
STOP_TIMEOUT_S=10

SETTINGS="GATEWAY CONFIG PROXY_PORT H2_PORT ADMIN_PORT STATUS_PORT DEMO_PORT NO_DEMO_API WORKERS LOG_LEVEL
PLUGINS LIB_DIR EXTRA_LUA_DIR TRUSTED_IPS REAL_IP_HEADER REAL_IP_RECURSIVE LISTEN_OPTIONS POSTGRES_PORT POSTGRES_TEMPLATE
CLUSTER_PORT CONTROL_STATUS_PORT"

default_gateway() {
    if command -v kong > /dev/null; then echo kong; else echo embedded; fi
}

set_defaults() {
    GATEWAY=${GATEWAY:-$(default_gateway)}
    CONFIG=$(realpath "${CONFIG:-$HERE/shop.yml}")
    PROXY_PORT=${PROXY_PORT:-8000}
    H2_PORT=${H2_PORT:-}
    ADMIN_PORT=${ADMIN_PORT:-8001}
    STATUS_PORT=${STATUS_PORT:-}
    DEMO_PORT=${DEMO_PORT:-9000}
    NO_DEMO_API=${NO_DEMO_API:-}
    WORKERS=${WORKERS:-2}
    LOG_LEVEL=${LOG_LEVEL:-notice}
    PLUGINS=${PLUGINS:-bundled,threat-agent}
    LIB_DIR=${LIB_DIR:-$REPO/target/release}
    EXTRA_LUA_DIR=$(realpath "${EXTRA_LUA_DIR:-$REPO/lua}")
    TRUSTED_IPS=${TRUSTED_IPS:-}
    REAL_IP_HEADER=${REAL_IP_HEADER:-X-Real-IP}
    REAL_IP_RECURSIVE=${REAL_IP_RECURSIVE:-off}
    LISTEN_OPTIONS=${LISTEN_OPTIONS-backlog=4096}
    POSTGRES_PORT=${POSTGRES_PORT:-5433}
    POSTGRES_TEMPLATE=${POSTGRES_TEMPLATE:-}
    CLUSTER_PORT=${CLUSTER_PORT:-8005}
    CONTROL_STATUS_PORT=${CONTROL_STATUS_PORT:-}
}

save_settings() {
    local name
    for name in $SETTINGS; do
        printf '%s=%q\n' "$name" "${!name}"
    done > "$PREFIX/settings"
}

# What is read from there is run: it must not be another user's.
own_prefix() {
    if [ ! -O "$PREFIX" ]; then
        echo "$PREFIX belongs to another user; choose another PREFIX" >&2
        exit 1
    fi
}

load_settings() {
    own_prefix
    if [ ! -r "$PREFIX/settings" ]; then
        echo "no gateway was started in $PREFIX" >&2
        exit 1
    fi
    . "$PREFIX/settings"
}

render_config() {
    sed -e "s|\${DEMO_PORT}|$DEMO_PORT|g" -e "s|\${PREFIX}|$PREFIX|g" -e "s|\${ADMIN_PORT}|$ADMIN_PORT|g" \
        -e "s|\${PROXY_PORT}|$PROXY_PORT|g" -e "s|\${CONTROL_STATUS_PORT}|$CONTROL_STATUS_PORT|g" \
        "$CONFIG" > "$PREFIX/config.yml"
}

port_answers() {
    (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

wait_for_ports() {
    local port deadline=$((SECONDS + START_TIMEOUT_S))
    for port in "$@"; do
        until port_answers "$port"; do
            if [ $SECONDS -ge $deadline ]; then
                echo "nothing answers on 127.0.0.1:$port; see $PREFIX/logs/error.log" >&2
                return 1
            fi
            sleep 0.05
        done
    done
}

# Tells whether a process runs still; one that has ended and only waits to be reaped does not.
process_runs() {
    kill -0 "$1" 2> /dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

# Ends the process whose id is in a file, and waits for its end.
stop_pid_file() {
    local pid deadline=$((SECONDS + STOP_TIMEOUT_S))
    [ -s "$1" ] || return 0
    pid=$(cat "$1")
    kill -TERM "$pid" 2> /dev/null || return 0
    while process_runs "$pid"; do
        if [ $SECONDS -ge $deadline ]; then
            kill -KILL "$pid" 2> /dev/null || true
            return 0
        fi
        sleep 0.05
    done
}

# Stops the gateway once its owner has gone without doing so.
watch_owner() {
    while process_runs "$OWNER_PID"; do
        [ -e "$PREFIX/settings" ] || return 0
        sleep 0.5
    done
    [ ! -e "$PREFIX/settings" ] || stop
    rm -rf "$PREFIX"
}

load_gateway() {
    case $GATEWAY in
        embedded) . "$HERE/embedded.sh" ;;
        kong) . "$HERE/kong.sh" ;;
        kong-postgres) . "$HERE/kong.sh"; . "$HERE/postgres.sh" ;;
        kong-hybrid) . "$HERE/kong.sh"; . "$HERE/postgres.sh"; . "$HERE/hybrid.sh" ;;
        *) echo "GATEWAY is embedded, kong, kong-postgres or kong-hybrid, not $GATEWAY" >&2; exit 2 ;;
    esac
}

start() {
    set_defaults
    mkdir -p "$PREFIX"
    own_prefix
    PREFIX=$(realpath "$PREFIX")
    save_settings
    load_gateway
    render_config
    if [ -z "$NO_DEMO_API" ]; then
        PREFIX="$PREFIX/shop" DEMO_PORT=$DEMO_PORT "$REPO/demo/api/run.sh" start
        wait_for_ports "$DEMO_PORT"
    fi
    if ! gateway_start || ! wait_for_ports "$PROXY_PORT" "$ADMIN_PORT" $STATUS_PORT $H2_PORT; then
        stop
        return 1
    fi
    if [ -n "${OWNER_PID:-}" ]; then
        watch_owner < /dev/null > /dev/null 2>&1 &
        disown
    fi
}

stop() {
    load_settings
    load_gateway
    gateway_stop
    PREFIX="$PREFIX/shop" DEMO_PORT=$DEMO_PORT "$REPO/demo/api/run.sh" stop
    rm -f "$PREFIX/settings"
}

reload() {
    load_settings
    load_gateway
    render_config
    gateway_reload
}

control() {
    load_settings
    load_gateway
    "control_$1"
}

# Leaves nothing behind: neither processes nor a directory that was not there before.
finish_foreground() {
    trap '' INT TERM
    [ -z "$TAIL_PID" ] || kill "$TAIL_PID" 2> /dev/null || true
    (stop) 2> /dev/null || true
    [ -z "$MADE_PREFIX" ] || rm -rf "$MADE_PREFIX"
}

foreground() {
    TAIL_PID=
    MADE_PREFIX=
    [ -e "$PREFIX" ] || MADE_PREFIX=$PREFIX
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap finish_foreground EXIT

    start
    echo "gateway ($GATEWAY): http://127.0.0.1:$PROXY_PORT  Admin API: http://127.0.0.1:$ADMIN_PORT"
    [ -n "$NO_DEMO_API" ] || echo "demo API: http://127.0.0.1:$DEMO_PORT"
    echo "log: $PREFIX/logs/error.log  Ctrl-C ends all of it"
    tail -n +1 -F "$PREFIX/logs/error.log" 2> /dev/null &
    TAIL_PID=$!
    wait
}

PREFIX=${PREFIX:-${TMPDIR:-/tmp}/threat-agent-gateway-${PROXY_PORT:-8000}}

case ${1:-} in
    start | stop | reload | foreground) "$1" ;;
    control-start | control-stop) control "${1#control-}" ;;
    *)
        sed -n '2,/^set -euo/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
esac
