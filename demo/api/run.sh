#!/bin/sh
# Runs the demo API on 127.0.0.1.
#   DEMO_PORT=9000 PREFIX=/tmp/shop demo/api/run.sh start|stop|foreground
#   DEMO_WORKERS (1): worker processes.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
PORT=${DEMO_PORT:-9000}
PREFIX=${PREFIX:-${TMPDIR:-/tmp}/threat-agent-shop-$PORT}
NGINX=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
MODULES=${NGINX_MODULES:-/usr/lib/nginx/modules}

render() {
    mkdir -p "$PREFIX/tmp"
    user=
    [ "$(id -u)" != 0 ] || user='user root;'
    sed -e "s|\${PREFIX}|$PREFIX|g" -e "s|\${PORT}|$PORT|g" -e "s|\${HERE}|$HERE|g" \
        -e "s|\${MODULES}|$MODULES|g" -e "s|\${WORKERS}|${DEMO_WORKERS:-1}|g" -e "s|\${USER}|$user|g" \
        "$HERE/nginx.conf.template" > "$PREFIX/nginx.conf"
}

# A process that has ended and only waits to be reaped does not run.
process_runs() {
    kill -0 "$1" 2>/dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

stop() {
    [ -s "$PREFIX/nginx.pid" ] || return 0
    pid=$(cat "$PREFIX/nginx.pid")
    kill -TERM "$pid" 2>/dev/null || true
    tries=0
    while process_runs "$pid" && [ $tries -lt 100 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}

case ${1:-} in
    start)
        render
        "$NGINX" -e "$PREFIX/error.log" -p "$PREFIX" -c "$PREFIX/nginx.conf"
        ;;
    foreground)
        render
        exec "$NGINX" -e stderr -p "$PREFIX" -c "$PREFIX/nginx.conf" -g 'daemon off;'
        ;;
    stop)
        stop
        ;;
    *)
        echo "usage: DEMO_PORT=9000 PREFIX=DIR $0 start|stop|foreground" >&2
        exit 2
        ;;
esac
