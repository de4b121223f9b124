# A real Kong behind run.sh, without a database.

kong_environment() {
    export KONG_PREFIX=$PREFIX
    export KONG_DATABASE=off KONG_DECLARATIVE_CONFIG=$PREFIX/config.yml
    export KONG_PLUGINS=$PLUGINS
    export KONG_LUA_PACKAGE_PATH="$EXTRA_LUA_DIR/?.lua;$REPO/lua/?.lua;$REPO/lua/?/init.lua;;"
    export KONG_LUA_PACKAGE_CPATH="$LIB_DIR/?.so;;"
    export KONG_PROXY_LISTEN="127.0.0.1:$PROXY_PORT $LISTEN_OPTIONS${H2_PORT:+, 127.0.0.1:$H2_PORT http2}"
    export KONG_ADMIN_LISTEN=127.0.0.1:$ADMIN_PORT
    export KONG_STATUS_LISTEN=${STATUS_PORT:+127.0.0.1:$STATUS_PORT}
    export KONG_STATUS_LISTEN=${KONG_STATUS_LISTEN:-off} KONG_ADMIN_GUI_LISTEN=off
    export KONG_NGINX_WORKER_PROCESSES=$WORKERS
    export KONG_LOG_LEVEL=$LOG_LEVEL KONG_PROXY_ACCESS_LOG=off KONG_ADMIN_ACCESS_LOG=off
    export KONG_REAL_IP_HEADER=$REAL_IP_HEADER KONG_REAL_IP_RECURSIVE=$REAL_IP_RECURSIVE
    export KONG_ANONYMOUS_REPORTS=off
    export KONG_WORKER_STATE_UPDATE_FREQUENCY=1 KONG_DB_UPDATE_FREQUENCY=1
    export KONG_MEM_CACHE_SIZE=16m KONG_LMDB_MAP_SIZE=128m
    [ -z "$TRUSTED_IPS" ] || export KONG_TRUSTED_IPS=$TRUSTED_IPS
    [ "$(id -u)" != 0 ] || export KONG_NGINX_USER='root root'
}

gateway_start() {
    kong_environment
    mkdir -p "$PREFIX/logs"
    kong start > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
}

gateway_reload() {
    kong_environment
    kong reload > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
}

gateway_stop() {
    stop_pid_file "$PREFIX/pids/nginx.pid"
}
