#!/bin/sh
# Installs what this project needs and the machine lacks: Debian's packages, and a Rust that is
# new enough. Does nothing, quickly, when all is there.
set -eu

RUST_NEEDED=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../../Cargo.toml")

missing=

# need PACKAGE COMMAND: remembers the package when the command is not there.
need() {
    command -v "$2" > /dev/null 2>&1 || [ -x "/usr/sbin/$2" ] || missing="$missing $1"
}

need_file() {
    [ -e "$2" ] || missing="$missing $1"
}

need gcc gcc
need_file libc6-dev /usr/include/stdio.h
need_file ca-certificates /etc/ssl/certs/ca-certificates.crt
need make make
need curl curl
need procps ps
need nginx nginx
need luajit2 luajit
need lua-busted busted
need lua-check luacheck
need wrk wrk
need python3 python3
need python3-pip pip3
need redis-server redis-server
need openssl openssl
need_file libnginx-mod-http-lua /usr/lib/nginx/modules/ngx_http_lua_module.so
need_file lua-cjson /usr/share/lua/5.1/cjson/util.lua
need_file lua-socket /usr/share/lua/5.1/socket.lua
need_file lua-yaml /usr/share/lua/5.1/lyaml/init.lua

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

# The mail server that specs send to.
PYTHON_DIR=$(dirname "$0")/../../target/python
if [ ! -d "$PYTHON_DIR/aiosmtpd" ]; then
    python3 -m pip install --quiet --disable-pip-version-check --target "$PYTHON_DIR" aiosmtpd==1.4.6
fi

# Tells whether the Rust at hand is new enough.
rust_is_new() {
    have=$(rustc --version 2> /dev/null | cut -d' ' -f2) || return 1
    [ -n "$have" ] || return 1
    [ "$(printf '%s\n%s\n' "$RUST_NEEDED" "$have" | sort -V | head -n 1)" = "$RUST_NEEDED" ]
}

if ! rust_is_new; then
    if command -v rustup > /dev/null; then
        rustup toolchain install stable --profile minimal
        rustup default stable
    else
        curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain stable
        PATH="$HOME/.cargo/bin:$PATH"
    fi
    if ! rust_is_new; then
        echo "Rust $RUST_NEEDED or newer is needed; found: $(rustc --version 2>&1 || true)" >&2
        exit 1
    fi
fi
