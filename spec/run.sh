#!/usr/bin/env bash
# All tests: Rust, Lua units, the integration specs on every gateway that is here, and the dashboard
# in Chromium where that is installed.
# Every suite runs even when one before it failed; the last lines name what failed, and sum up.
#   SUITES="rust unit integration browser"    which ones
#   GATEWAYS="embedded kong kong-postgres"    integration only on these
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/.." && pwd)
cd "$REPO" || exit 1

SUITES=${SUITES:-rust unit integration browser}
LOG=$(mktemp)
FAILURES=$(mktemp)
trap 'rm -f "$LOG" "$FAILURES"' EXIT

passed=0
failed=0
skipped=0
ran=
left_out=

# suite NAME COUNTER COMMAND…: runs a suite, shows it, and adds up what it says of itself.
suite() {
    local name=$1 counter=$2 status before=$failed began=$SECONDS
    shift 2
    printf '\n== %s\n' "$name"
    "$@" 2>&1 | tee "$LOG"
    status=${PIPESTATUS[0]}
    "$counter"
    # A suite that died before it could count its failures has failed all the same.
    if [ "$status" -ne 0 ] && [ "$failed" -eq "$before" ]; then
        failed=$((failed + 1))
        echo "$name: ended with $status" >> "$FAILURES"
    fi
    ran="$ran${ran:+, }$name ($((SECONDS - began)) s)"
}

sum() {
    awk -v pattern="$1" -v field="$2" '$0 ~ pattern { n += $field } END { print n + 0 }' "$LOG"
}

count_cargo() {
    passed=$((passed + $(sum '^test result:' 4)))
    failed=$((failed + $(sum '^test result:' 6)))
    skipped=$((skipped + $(sum '^test result:' 8)))
    sed -n "s/^test \\(.*\\) \\.\\.\\. FAILED$/$name: \\1/p" "$LOG" >> "$FAILURES"
}

count_busted() {
    local line='[0-9]+ success(es)? / [0-9]+ failures? / [0-9]+ errors? / [0-9]+ pending'
    passed=$((passed + $(sum "$line" 1)))
    failed=$((failed + $(sum "$line" 4) + $(sum "$line" 7)))
    skipped=$((skipped + $(sum "$line" 10)))
    # Busted names the file first, then the test, then what it saw.
    awk -v suite="$name" '
        /^(Failure|Error) → / { place = $3; getline test; getline seen; print suite ": " test " (" place "): " seen }
    ' "$LOG" >> "$FAILURES"
}

busted_on_luajit() {
    busted --lua="$(command -v luajit)" --output=utfTerminal "$@"
}

gateways_here() {
    local gateways=embedded
    if command -v kong > /dev/null; then
        gateways="$gateways kong"
        if compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null; then
            gateways="$gateways kong-postgres kong-hybrid"
        else
            left_out="kong-postgres, kong-hybrid (no initdb: install postgresql)"
        fi
    else
        left_out="kong, kong-postgres, kong-hybrid (no kong on PATH)"
    fi
    echo "$gateways"
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
            for gateway in ${GATEWAYS:-$(gateways_here)}; do
                # A data plane has no Admin API for the other specs to ask.
                pattern=_spec
                [ "$gateway" != kong-hybrid ] || pattern=hybrid_spec
                TA_GATEWAY=$gateway suite "integration on $gateway" count_busted \
                    busted_on_luajit --pattern=$pattern spec/integration
            done
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
