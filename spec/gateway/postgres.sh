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

postgres_control() {
    as_postgres "$(postgres_bin)/pg_ctl" -D "$POSTGRES_DATA" -w -l "$POSTGRES_DATA/log" "$@" >> "$PREFIX/postgres.out"
}

postgres_run() {
    postgres_control start \
        -o "-c listen_addresses=127.0.0.1 -p $POSTGRES_PORT -k '$POSTGRES_DATA' -c fsync=off"
}

# Makes a cluster with Kong's tables and runs it.
postgres_make() {
    as_postgres "$(postgres_bin)/initdb" -D "$POSTGRES_DATA" -U kong --auth=trust --no-sync > "$PREFIX/postgres.out" &&
        postgres_run &&
        as_postgres "$(postgres_bin)/createdb" -h 127.0.0.1 -p "$POSTGRES_PORT" -U kong kong &&
        (postgres_environment && kong migrations bootstrap)
}

# Keeps a copy for later starts; of two that do so at once one stays.
postgres_keep() {
    postgres_control -m fast stop && cp -a "$POSTGRES_DATA" "$POSTGRES_TEMPLATE.$$" || return 1
    mv -T "$POSTGRES_TEMPLATE.$$" "$POSTGRES_TEMPLATE" 2> /dev/null || rm -rf "$POSTGRES_TEMPLATE.$$"
    postgres_run
}

postgres_start() {
    mkdir -p "$POSTGRES_DATA"
    if [ "$(id -u)" = 0 ]; then
        chmod a+rx "$PREFIX"
        chown postgres "$POSTGRES_DATA"
    fi
    if [ -s "$POSTGRES_DATA/PG_VERSION" ]; then
        postgres_run
    elif [ -z "$POSTGRES_TEMPLATE" ]; then
        postgres_make
    elif [ -d "$POSTGRES_TEMPLATE" ]; then
        cp -a "$POSTGRES_TEMPLATE/." "$POSTGRES_DATA" && postgres_run
    else
        postgres_make && postgres_keep
    fi
}

postgres_environment() {
    kong_environment
    unset KONG_DECLARATIVE_CONFIG
    export KONG_DATABASE=postgres KONG_PG_HOST=127.0.0.1 KONG_PG_PORT=$POSTGRES_PORT
    export KONG_PG_USER=kong KONG_PG_DATABASE=kong
}

# What was imported once is there when the gateway is started anew.
postgres_import() {
    [ -e "$PREFIX/imported" ] || { kong config db_import "$PREFIX/config.yml" && touch "$PREFIX/imported"; }
}

gateway_start() {
    mkdir -p "$PREFIX/logs"
    {
        postgres_start && postgres_environment && postgres_import && kong start
    } > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
}

gateway_reload() {
    postgres_environment
    kong reload > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
}

postgres_stop() {
    if [ -s "$POSTGRES_DATA/postmaster.pid" ]; then
        postgres_control -m immediate stop || true
    fi
}

gateway_stop() {
    stop_pid_file "$PREFIX/pids/nginx.pid"
    postgres_stop
}
