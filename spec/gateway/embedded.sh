# The embedded gateway behind run.sh: render, start, reload, stop.

NGINX=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
MODULES=${NGINX_MODULES:-/usr/lib/nginx/modules}

json_list() {
    local item separator=''
    printf '['
    for item in ${1//,/ }; do
        printf '%s"%s"' "$separator" "$item"
        separator=,
    done
    printf ']'
}

listeners() {
    local port separator=''
    printf '['
    for port in "$@"; do
        printf '%s{"ip":"127.0.0.1","port":%s}' "$separator" "$port"
        separator=,
    done
    printf ']'
}

gateway_render() {
    local user='' cidr

    mkdir -p "$PREFIX/logs" "$PREFIX/pids" "$PREFIX/tmp"
    [ "$(id -u)" != 0 ] || user='user root;'

    sed -e "s|\${PREFIX}|$PREFIX|g" -e "s|\${HERE}|$HERE|g" -e "s|\${REPO}|$REPO|g" \
        -e "s|\${LIB_DIR}|$LIB_DIR|g" -e "s|\${EXTRA_LUA_DIR}|$EXTRA_LUA_DIR|g" \
        -e "s|\${MODULES}|$MODULES|g" -e "s|\${USER}|$user|g" \
        -e "s|\${WORKERS}|$WORKERS|g" -e "s|\${ADMIN_PORT}|$ADMIN_PORT|g" -e "s|\${LOG_LEVEL}|$LOG_LEVEL|g" \
        "$HERE/nginx.conf.template" > "$PREFIX/nginx.conf"

    echo "listen 127.0.0.1:$PROXY_PORT $LISTEN_OPTIONS;" > "$PREFIX/listen.conf"
    [ -z "$H2_PORT" ] || echo "listen 127.0.0.1:$H2_PORT http2;" >> "$PREFIX/listen.conf"

    {
        echo "real_ip_header $REAL_IP_HEADER;"
        echo "real_ip_recursive $REAL_IP_RECURSIVE;"
        for cidr in ${TRUSTED_IPS//,/ }; do
            echo "set_real_ip_from $cidr;"
        done
        echo "geo \$realip_remote_addr \$peer_trusted {"
        echo "    default 0;"
        for cidr in ${TRUSTED_IPS//,/ }; do
            echo "    $cidr 1;"
        done
        echo "}"
    } > "$PREFIX/real_ip.conf"

    : > "$PREFIX/status.conf"
    [ -z "$STATUS_PORT" ] || cat > "$PREFIX/status.conf" <<END
server {
    server_name kong_status;
    listen 127.0.0.1:$STATUS_PORT;
    location / {
        default_type application/json;
        content_by_lua_block { Gateway.status() }
    }
}
END

    cat > "$PREFIX/gateway.json" <<END
{
  "config_path": "$PREFIX/config.yml",
  "plugins": "$PLUGINS",
  "configuration": {
    "prefix": "$PREFIX",
    "database": "off",
    "role": "traditional",
    "log_level": "$LOG_LEVEL",
    "declarative_config": "$PREFIX/config.yml",
    "proxy_listeners": $(listeners "$PROXY_PORT" $H2_PORT),
    "admin_listeners": $(listeners "$ADMIN_PORT"),
    "status_listeners": $(listeners $STATUS_PORT),
    "trusted_ips": $(json_list "$TRUSTED_IPS"),
    "real_ip_header": "$REAL_IP_HEADER",
    "real_ip_recursive": "$REAL_IP_RECURSIVE",
    "nginx_worker_processes": "$WORKERS"
  }
}
END
}

gateway_nginx() {
    "$NGINX" -e "$PREFIX/logs/error.log" -p "$PREFIX" -c "$PREFIX/nginx.conf" "$@"
}

gateway_start() {
    ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
    gateway_render
    gateway_nginx
}

gateway_reload() {
    gateway_render
    gateway_nginx -s reload
}

gateway_stop() {
    stop_pid_file "$PREFIX/pids/nginx.pid"
}
