#!/usr/bin/env bash
# All tests: Rust, Lua units, the integration specs on every gateway that is here, and the dashboard
# in Chromium where that is installed.
# Every suite runs even when one before it failed; the last lines name what failed, and sum up.
#   SUITES="rust unit integration browser"    which ones
#   GATEWAYS="embedded kong kong-postgres kong-hybrid"    integration only on these
#   LANES=8    so many integration specs at once, at most 8 (four for each processor)
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/.." && pwd)
cd "$REPO" || exit 1

SUITES=${SUITES:-rust unit integration browser}
LANES=${LANES:-$((4 * $(nproc) < 8 ? 4 * $(nproc) : 8))}
LOGS=$(mktemp -d)
FAILURES=$LOGS/failures
trap 'rm -rf "$LOGS"' EXIT
# Gateways with a database start from a copy of the first one's.
export POSTGRES_TEMPLATE=$LOGS/postgres

passed=0
failed=0
skipped=0
ran=
left_out=

# run NAME COMMAND…: runs a suite; its log, status and seconds are kept for `count`.
run() {
    local name=$1 began=$SECONDS
    shift
    "$@" 2>&1 | tee "$LOGS/$name.log"
    echo "${PIPESTATUS[0]} $((SECONDS - began))" > "$LOGS/$name.end"
}

# count NAME COUNTER: adds up what a suite that has run says of itself.
count() {
    local name=$1 counter=$2 status seconds before=$failed
    read -r status seconds < "$LOGS/$name.end"
    "$counter" "$name"
    # A suite that died before it could count its failures has failed all the same.
    if [ "$status" -ne 0 ] && [ "$failed" -eq "$before" ]; then
        failed=$((failed + 1))
        echo "$name: ended with $status" >> "$FAILURES"
    fi
    ran="$ran${ran:+, }$name ($seconds s)"
}

# suite NAME COUNTER COMMAND…: runs a suite, shows it, and counts it.
suite() {
    local name=$1 counter=$2
    shift 2
    printf '\n== %s\n' "$name"
    run "$name" "$@"
    count "$name" "$counter"
}

sum() {
    awk -v pattern="$2" -v field="$3" '$0 ~ pattern { n += $field } END { print n + 0 }' "$LOGS/$1.log"
}

count_cargo() {
    passed=$((passed + $(sum "$1" '^test result:' 4)))
    failed=$((failed + $(sum "$1" '^test result:' 6)))
    skipped=$((skipped + $(sum "$1" '^test result:' 8)))
    sed -n "s/^test \\(.*\\) \\.\\.\\. FAILED$/$1: \\1/p" "$LOGS/$1.log" >> "$FAILURES"
}

count_busted() {
    local line='[0-9]+ success(es)? / [0-9]+ failures? / [0-9]+ errors? / [0-9]+ pending'
    passed=$((passed + $(sum "$1" "$line" 1)))
    failed=$((failed + $(sum "$1" "$line" 4) + $(sum "$1" "$line" 7)))
    skipped=$((skipped + $(sum "$1" "$line" 10)))
    # Busted names the file first, then the test, then what it saw.
    awk -v suite="$1" '
        /^(Failure|Error) → / { place = $3; getline test; getline seen; print suite ": " test " (" place "): " seen }
    ' "$LOGS/$1.log" >> "$FAILURES"
}

busted_on_luajit() {
    busted --lua="$(command -v luajit)" --output=utfTerminal "$@"
}

gateways_here() {
    local gateways=embedded
    if command -v kong > /dev/null; then
        gateways="kong $gateways"
        if compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null; then
            gateways="kong-hybrid kong-postgres $gateways"
        else
            left_out="kong-postgres, kong-hybrid (no initdb: install postgresql)"
        fi
    else
        left_out="kong, kong-postgres, kong-hybrid (no kong on PATH)"
    fi
    echo "$gateways"
}

# specs_on GATEWAY: its integration specs, the longest first. What a data plane does is what differs in hybrid mode: those of
# response.
specs_on() {
    local specs=(spec/integration/*_spec.lua)
    [ "$1" != kong-hybrid ] || specs=(
        spec/integration/{hybrid,companion,actions,admin_faults,bad_deploy,budget,crash,crash_parts}_spec.lua
        spec/integration/{kill,late,outage,overlap,recovery,watched}_spec.lua
    )
    ls -S "${specs[@]}"
}

# one_spec GATEWAY FILE: runs it, and shows it when it has ended.
one_spec() {
    local log began=$SECONDS
    log=$(mktemp "$LOGS/integration on $1.XXXXXX")
    TA_GATEWAY=$1 busted_on_luajit "$2" > "$log" 2>&1
    echo "$1 $2 $? $((SECONDS - began))" >> "$LOGS/specs"
    flock "$LOGS" cat "$log"
}
export LOGS
export -f busted_on_luajit one_spec

# Integration specs mostly wait, so that more of them than there are processors run side by side, whatever their gateway.
# TA_LANE keeps the ports of those apart that do.
integration() {
    local gateway spec name
    printf '\n== integration on %s\n' "$*"
    : > "$LOGS/specs"
    for gateway in "$@"; do
        for spec in $(specs_on "$gateway"); do
            printf '%s\n%s\n' "$gateway" "$spec"
        done
    done | xargs -n 2 -P "$LANES" --process-slot-var=TA_LANE bash -c 'one_spec "$@"' one_spec

    for gateway in "$@"; do
        name="integration on $gateway"
        cat "$LOGS/$name".?????? > "$LOGS/$name.log"
        # The worst of the statuses, and the seconds of all.
        awk -v gateway="$gateway" '$1 == gateway { if ($3 > worst) worst = $3; all += $4 } END { print worst + 0, all + 0 }' \
            "$LOGS/specs" > "$LOGS/$name.end"
        count "$name" count_busted
    done
    printf '\nThe longest specs, in seconds:\n'
    sort -k 4 -rn "$LOGS/specs" | awk 'NR <= 10 { print "  " $4, $1, $2 }'
}

for name in $SUITES; do
    case $name in
        rust)
            # The debug library with fault injection that this builds serves the integration specs, too.
            suite "Rust" count_cargo \
                cargo test --workspace --locked --no-fail-fast --features threat-agent-ffi/fault-injection
            ;;
        unit)
            suite "Lua units" count_busted busted_on_luajit --pattern=_spec spec/unit
            ;;
        integration)
            gateways_here > /dev/null
            # shellcheck disable=SC2046,SC2086 # a list of words
            integration ${GATEWAYS:-$(gateways_here)}
            ;;
        browser)
            if command -v chromium > /dev/null && command -v chromedriver > /dev/null; then
                gateway=embedded
                ! command -v kong > /dev/null || gateway=kong
                TA_GATEWAY=$gateway suite "browser on $gateway" count_busted \
                    busted_on_luajit --pattern=_spec spec/browser
            else
                left_out="$left_out${left_out:+; }browser (no chromium: make test-browser installs it)"
            fi
            ;;
        *)
            echo "SUITES are rust, unit, integration and browser, not $name" >&2
            exit 2
            ;;
    esac
done

printf '\nRan: %s.\n' "$ran"
[ ! -s "$FAILURES" ] || { printf 'Failed:\n'; sed 's/^/  /' "$FAILURES"; }
[ -z "$left_out" ] || printf 'Not run here: %s.\n' "$left_out"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
