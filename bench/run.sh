#!/bin/sh
# Measures what the plugin costs: one gateway without it, one with it and, on a real Kong, one with a
# plugin that does nothing and one with Kong's own rate-limiting, side by side in one run. Each round measures all of them for each kind
# of request, in an order that turns round every time, so that a busy machine is busy for all.
#
#   bench/run.sh
#
# Environment, with the defaults:
#   ROUNDS        10         the intervals in the report rest on so many pairs
#   SECONDS_EACH  2          length of one measurement
#   CONNECTIONS   16         of wrk, in a closed loop on one thread; four times as many at a given rate
#   WORKERS       1          of each gateway
#   CONFIGS       bare threat-agent empty rate-limiting (the last two on a real Kong only); files in bench/config
#   SCENARIOS     get-100b post-2kb post-8kb get-100b@5000 post-2kb@5000: flat out, or so many requests
#                 per second; see bench/requests.lua
#   GATEWAY       embedded or kong; a kong on PATH, else embedded
#   BENCH_PORT    18100      first of the ports that are used
#   LIB_DIR       where libthreat_agent.so is (target/release)
#   RESULTS       folder for the CSV and the SVG (bench/results)
#
# CPU time is that of the gateways' worker processes, from /proc.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
LAUNCHER=$HERE/../spec/gateway/run.sh

ROUNDS=${ROUNDS:-10}
SECONDS_EACH=${SECONDS_EACH:-2}
CONNECTIONS=${CONNECTIONS:-16}
SCENARIOS=${SCENARIOS:-get-100b post-2kb post-8kb get-100b@5000 post-2kb@5000}
BENCH_PORT=${BENCH_PORT:-18100}
RESULTS=${RESULTS:-$HERE/results}
NGINX=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}
export WORKERS="${WORKERS:-1}"
if [ -z "${GATEWAY:-}" ]; then
    if command -v kong > /dev/null; then GATEWAY=kong; else GATEWAY=embedded; fi
fi
export GATEWAY
if [ "$GATEWAY" = embedded ]; then
    CONFIGS=${CONFIGS:-bare threat-agent}
else
    CONFIGS=${CONFIGS:-bare threat-agent empty rate-limiting}
fi

work=
starting=
started=

clean_up() {
    trap '' INT TERM HUP
    # A gateway that is just starting is let through, to be stopped properly.
    [ -z "$starting" ] || wait "$starting" 2> /dev/null || true
    for config in $started; do
        PREFIX="$work/$config" setsid "$LAUNCHER" stop > /dev/null 2>&1 < /dev/null || true
    done
    if [ -n "$work" ]; then
        [ ! -s "$work/upstream/nginx.pid" ] || kill "$(cat "$work/upstream/nginx.pid")" 2> /dev/null || true
        rm -rf "$work"
    fi
}

start_upstream() {
    mkdir -p "$work/upstream/tmp"
    user=
    [ "$(id -u)" != 0 ] || user='user root;'
    sed -e "s|\${PREFIX}|$work/upstream|g" -e "s|\${PORT}|$BENCH_PORT|g" -e "s|\${USER}|$user|g" \
        "$HERE/upstream.conf.template" > "$work/upstream/nginx.conf"
    "$NGINX" -e "$work/upstream/error.log" -p "$work/upstream" -c "$work/upstream/nginx.conf"
}

# Prints a configuration's proxy port.
port_of() {
    port=$((BENCH_PORT + 1))
    for known in $CONFIGS; do
        [ "$known" != "$1" ] || break
        port=$((port + 2))
    done
    echo "$port"
}

start_gateway() {
    started="$started $1"
    port=$(port_of "$1")
    PREFIX="$work/$1" CONFIG="$HERE/config/$1.yml" PROXY_PORT=$port ADMIN_PORT=$((port + 1)) \
        DEMO_PORT=$BENCH_PORT NO_DEMO_API=1 LOG_LEVEL=warn TRUSTED_IPS=127.0.0.1 \
        REAL_IP_HEADER=X-Forwarded-For PLUGINS=bundled,threat-agent,empty EXTRA_LUA_DIR="$HERE/plugins" \
        setsid "$LAUNCHER" start < /dev/null &
    starting=$!
    wait "$starting"
    starting=
}

# Prints the ids of a gateway's worker processes.
workers_of() {
    master=$(cat "$work/$1/pids/nginx.pid")
    for pid in $(cat "/proc/$master/task/$master/children"); do
        if grep -q 'worker process' "/proc/$pid/cmdline" 2> /dev/null; then
            echo "$pid"
        fi
    done
}

# Prints the CPU time that processes have used. Units: microseconds.
cpu_us() {
    sum=0
    for pid in "$@"; do
        if [ -r "/proc/$pid/schedstat" ]; then
            # utime and stime together, in nanoseconds instead of ticks.
            read -r on_cpu _ < "/proc/$pid/schedstat"
            sum=$((sum + on_cpu / 1000))
        else
            # Behind the last parenthesis utime and stime are the 12th and 13th field.
            ticks=$(sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }')
            sum=$((sum + ticks * (1000000 / $(getconf CLK_TCK))))
        fi
    done
    echo "$sum"
}

# Tells whether perf can count instructions here; many virtual machines have no counters.
has_perf() {
    command -v perf > /dev/null \
        && perf stat -x, -e instructions true 2>&1 | grep -q '^[0-9]'
}

# Measures one configuration with one kind of request; prints the CSV line behind "round,place".
measure() {
    pids=$(workers_of "$1")
    connections=$CONNECTIONS
    case $2 in *@*) connections=$((4 * CONNECTIONS)) ;; esac
    counted=
    # Word splitting of $pids and $counted is meant.
    # shellcheck disable=SC2086
    {
        if [ -n "$perf" ]; then
            counted="perf stat -x, -o $work/perf -e instructions -p $(echo $pids | tr ' ' ,)"
        fi
        before=$(cpu_us $pids)
        result=$(SCENARIO=$2 CONNECTIONS=$connections $counted wrk -t 1 -c "$connections" -d "$3" -s "$HERE/requests.lua" \
            "http://127.0.0.1:$(port_of "$1")/" | sed -n 's/^RESULT //p')
        after=$(cpu_us $pids)
    }
    instructions=
    [ -z "$perf" ] || instructions=$(sed -n 's/^\([0-9]*\),.*instructions.*/\1/p' "$work/perf")
    echo "$result $before $after ${instructions:-none}" | awk -v scenario="$2" -v config="$1" '{
        if ($1 == 0) { exit 1 }
        per = $9 == "none" ? "" : sprintf("%.0f", $9 / $1)
        printf "%s,%s,%d,%.3f,%.1f,%d,%d,%d,%.3f,%s,%d\n",
            scenario, config, $1, $2, $1 / $2, $3, $4, $5, ($8 - $7) / $1, per, $6
    }'
}

# Prints words in turned order.
turned() {
    out=
    for word in "$@"; do
        out="$word $out"
    done
    echo "$out"
}

describe() {
    echo "# machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores," \
        "Linux $(uname -r | cut -d- -f1)"
    case $GATEWAY in
        kong) echo "# gateway: Kong $(kong version | sed 's/^Kong //')" ;;
        *) echo "# gateway: embedded ($("$NGINX" -v 2>&1 | sed 's/.*: //'))" ;;
    esac
    echo "# run: $(date -u +%Y-%m-%d), $ROUNDS rounds of $SECONDS_EACH s, $WORKERS worker, wrk closed loop," \
        "$CONNECTIONS connections; load average at the start $(cut -d' ' -f1 /proc/loadavg)"
    [ -n "$perf" ] || echo "# instructions: not counted, this machine gives perf no hardware counters"
    echo "round,place,scenario,config,requests,seconds,requests_per_s,p50_us,p99_us,p999_us,cpu_us_per_request,instructions_per_request,failed"
}

for tool in wrk luajit setsid; do
    command -v "$tool" > /dev/null || { echo "$tool is missing: run \`make setup\` first" >&2; exit 1; }
done
perf=
! has_perf || perf=yes

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

work=$(mktemp -d "${TMPDIR:-/tmp}/threat-agent-bench.XXXXXX")
mkdir -p "$RESULTS"
csv=$work/$GATEWAY.csv
describe | tee "$csv"

start_upstream
for config in $CONFIGS; do
    start_gateway "$config"
done

# Until everything is compiled, cached and connected.
for config in $CONFIGS; do
    for scenario in $SCENARIOS; do
        measure "$config" "$scenario" 2 > /dev/null
    done
done

round=1
while [ "$round" -le "$ROUNDS" ]; do
    order=$CONFIGS
    [ $((round % 2)) = 1 ] || order=$(turned $CONFIGS)
    for scenario in $SCENARIOS; do
        place=1
        for config in $order; do
            line=$(measure "$config" "$scenario" "$SECONDS_EACH")
            echo "$round,$place,$line" | tee -a "$csv"
            place=$((place + 1))
        done
    done
    round=$((round + 1))
done

cp "$csv" "$RESULTS/$GATEWAY.csv"
luajit "$HERE/report.lua" "$RESULTS/$GATEWAY.csv" "$RESULTS/$GATEWAY.svg"
