# A real Kong with a Postgres of its own behind run.sh. The cluster lives in $PREFIX and
# ends with the gateway; the declarative file is imported at the start.

POSTGRES_DATA=$PREFIX/postgres

postgres_bin() {
    local dir
    for dir in /usr/lib/postgresql/*/bin; do
        if [ -x "$dir/initdb" ]; then
            echo "$dir"
            return 0
        fi
    done
    echo "no Postgres under /usr/lib/postgresql; on Debian: apt-get install postgresql" >&2
    return 1
}

# Postgres refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

postgres_start() {
    local bin
    bin=$(postgres_bin)
    mkdir -p "$POSTGRES_DATA"
    if [ "$(id -u)" = 0 ]; then
        chmod a+rx "$PREFIX"
        chown postgres "$POSTGRES_DATA"
    fi
    as_postgres "$bin/initdb" -D "$POSTGRES_DATA" -U kong --auth=trust --no-sync > "$PREFIX/postgres.out"
    as_postgres "$bin/pg_ctl" -D "$POSTGRES_DATA" -w -l "$POSTGRES_DATA/log" start \
        -o "-c listen_addresses=127.0.0.1 -p $POSTGRES_PORT -k '$POSTGRES_DATA' -c fsync=off" >> "$PREFIX/postgres.out"
    as_postgres "$bin/createdb" -h 127.0.0.1 -p "$POSTGRES_PORT" -U kong kong
}

postgres_environment() {
    kong_environment
    unset KONG_DECLARATIVE_CONFIG
    export KONG_DATABASE=postgres KONG_PG_HOST=127.0.0.1 KONG_PG_PORT=$POSTGRES_PORT
    export KONG_PG_USER=kong KONG_PG_DATABASE=kong
}

gateway_start() {
    mkdir -p "$PREFIX/logs"
    postgres_start
    postgres_environment
    {
        kong migrations bootstrap && kong config db_import "$PREFIX/config.yml" && kong start
    } > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
}

gateway_reload() {
    postgres_environment
    kong reload > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
}

postgres_stop() {
    if [ -s "$POSTGRES_DATA/postmaster.pid" ]; then
        as_postgres "$(postgres_bin)/pg_ctl" -D "$POSTGRES_DATA" -w -m immediate stop >> "$PREFIX/postgres.out" || true
    fi
}

gateway_stop() {
    stop_pid_file "$PREFIX/pids/nginx.pid"
    postgres_stop
}
