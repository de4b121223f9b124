#!/usr/bin/env bash
# All tests: Rust, Lua units, the integration specs on every gateway that is here, and the dashboard
# in Chromium where that is installed.
# Every suite runs even when one before it failed; the last lines name what failed, and sum up.
#   SUITES="rust unit integration browser"    which ones
#   GATEWAYS="embedded kong kong-postgres kong-hybrid"    integration only on these
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/.." && pwd)
cd "$REPO" || exit 1

SUITES=${SUITES:-rust unit integration browser}
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
            gateways="kong-postgres $gateways kong-hybrid"
        else
            left_out="kong-postgres, kong-hybrid (no initdb: install postgresql)"
        fi
    else
        left_out="kong, kong-postgres, kong-hybrid (no kong on PATH)"
    fi
    echo "$gateways"
}

# on_gateway GATEWAY: its integration specs. A data plane has no Admin API for the other specs to ask.
on_gateway() {
    local specs=(spec/integration)
    [ "$1" != kong-hybrid ] || specs=(spec/integration/{hybrid,companion}_spec.lua)
    TA_GATEWAY=$1 busted_on_luajit --pattern=_spec "${specs[@]}"
}

# Integration specs mostly wait (four gateways keep two processors busy for a third of the time), so that all gateways
# run side by side; each is shown when it ends.
integration() {
    local gateway
    printf '\n== integration on %s\n' "$*"
    for gateway in "$@"; do
        { run "integration on $gateway" on_gateway "$gateway" > /dev/null
          printf '\n== integration on %s\n' "$gateway"
          cat "$LOGS/integration on $gateway.log"; } &
    done
    wait
    for gateway in "$@"; do
        count "integration on $gateway" count_busted
    done
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
