# A real Kong in two halves behind run.sh: a control plane with a Postgres of its own in $PREFIX/cp,
# whose Admin API is at $ADMIN_PORT, and a data plane in $PREFIX, which takes the traffic.

CONTROL=$PREFIX/cp

cluster_environment() {
    export KONG_CLUSTER_CERT=$CONTROL/cluster.crt KONG_CLUSTER_CERT_KEY=$CONTROL/cluster.key
    export KONG_PREFIX=$1 KONG_ROLE=$2
}

control_environment() {
    postgres_environment
    cluster_environment "$CONTROL" control_plane
    export KONG_CLUSTER_LISTEN=127.0.0.1:$CLUSTER_PORT KONG_CLUSTER_TELEMETRY_LISTEN=off
    export KONG_PROXY_LISTEN=off KONG_STATUS_LISTEN=${CONTROL_STATUS_PORT:+127.0.0.1:$CONTROL_STATUS_PORT}
    export KONG_STATUS_LISTEN=${KONG_STATUS_LISTEN:-off} KONG_NGINX_WORKER_PROCESSES=1
}

data_environment() {
    kong_environment
    unset KONG_DECLARATIVE_CONFIG
    cluster_environment "$PREFIX" data_plane
    export KONG_DATABASE=off KONG_CLUSTER_CONTROL_PLANE=127.0.0.1:$CLUSTER_PORT
    export KONG_ADMIN_LISTEN=off KONG_CLUSTER_TELEMETRY_ENDPOINT=127.0.0.1:$CLUSTER_PORT
}

control_start() {
    (control_environment && kong start) > "$PREFIX/control.out" 2>&1 || { cat "$PREFIX/control.out" >&2; return 1; }
}

control_stop() {
    stop_pid_file "$CONTROL/pids/nginx.pid"
}

# The data plane is first: a configuration that reaches Kong while it starts can be lost, and none comes until the next
# change. It looks for its control plane again within ten seconds.
gateway_start() {
    mkdir -p "$PREFIX/logs" "$CONTROL/logs"
    {
        postgres_start && kong hybrid gen_cert "$CONTROL/cluster.crt" "$CONTROL/cluster.key" &&
        (data_environment && kong start) &&
        (control_environment && kong config db_import "$PREFIX/config.yml")
    } > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
    control_start
}

gateway_reload() {
    (data_environment && kong reload) > "$PREFIX/kong.out" 2>&1 || { cat "$PREFIX/kong.out" >&2; return 1; }
}

gateway_stop() {
    stop_pid_file "$PREFIX/pids/nginx.pid"
    control_stop
    postgres_stop
}
