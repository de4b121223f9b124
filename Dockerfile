# Kong with the plugin; the target demo-api is the shop that compose.yaml puts behind it.
#   docker build -t kong-threat-agent .

# The rust-version of Cargo.toml.
ARG RUST_VERSION=1.95
# A minor version, so that its patches come with the next build.
ARG KONG_VERSION=3.9


# Debian 12's glibc is older than that of Kong's images, so the library loads there.
FROM rust:${RUST_VERSION}-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY rust rust
RUN cargo rustc --release --locked -p threat-agent-ffi --lib --crate-type cdylib \
    && cargo build --release --locked -p threat-agent


FROM debian:bookworm-slim AS demo-api
RUN apt-get update \
    && apt-get install -y --no-install-recommends nginx libnginx-mod-http-lua lua-cjson \
    && rm -rf /var/lib/apt/lists/*
COPY demo/api /opt/demo-api
# On a machine of one's own the shop listens on the loopback only; here others have to reach it.
RUN sed -i 's/listen 127\.0\.0\.1:/listen 0.0.0.0:/' /opt/demo-api/nginx.conf.template \
    && grep -q 'listen 0\.0\.0\.0:' /opt/demo-api/nginx.conf.template
USER www-data
ENV DEMO_PORT=9000 PREFIX=/tmp/demo-api
EXPOSE 9000
CMD ["/opt/demo-api/run.sh", "foreground"]


FROM kong:${KONG_VERSION} AS kong
USER root
COPY lua/kong/plugins /usr/local/share/lua/5.1/kong/plugins
COPY --from=build /src/target/release/libthreat_agent.so /usr/local/lib/lua/5.1/libthreat_agent.so
COPY --from=build /src/target/release/threat-agent /usr/local/bin/threat-agent
ENV KONG_PLUGINS=bundled,threat-agent,threat-agent-dashboard
USER kong
