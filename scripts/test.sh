#!/usr/bin/env bash
# Builds and runs every test; `make test` and the gate call it, after scripts/setup.sh test.
#
#   scripts/test.sh                      all of them; the last line counts:  N passed, N failed
#   scripts/test.sh -p fairlead-gateway  what `cargo nextest run` takes: some of them
#   scripts/test.sh deployment [TEST]    the tests that share one deployment (fairlead-tests)
#
# Three runners, one after the other, each also where one before it failed:
#   1. nextest: each test in a process of its own, the heavy servers shared (crates/testkit, test-run);
#   2. cargo test, for the tests that share one deployment in one process;
#   3. cargo test --doc.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${FAIRLEAD_CACHE:-$HOME/.cache/fairlead}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
cd "$root"
# shellcheck source=scripts/setup/report.sh
source "$root/scripts/setup/report.sh"
# shellcheck source=scripts/setup/wheels.sh
source "$root/scripts/setup/wheels.sh"
# shellcheck source=scripts/setup/nextest.sh
source "$root/scripts/setup/nextest.sh"
PATH=$nextest_home/bin:$PATH

# Our crates as the loop builds them: the same units as `make unit`.
loop=(--config .cargo/loop.toml)
build=("${loop[@]}" --release --locked)
nextest=(cargo nextest run "${loop[@]}" --cargo-profile release --locked)
test_run=$CARGO_TARGET_DIR/release/test-run

# Modules of fairlead-tests that share one deployment; .config/nextest.toml leaves them out.
deployment=(bad_input:: features_equal:: end_to_end:: cluster::)
deployment_tests=(cargo test "${build[@]}" -p fairlead-tests --test it)

if [ "${1:-}" = deployment ]; then
  shift
  [ $# -gt 0 ] || set -- "${deployment[@]}"
  scripts/source-times.py "${deployment_tests[@]}" --no-run
  exec "${deployment_tests[@]}" -- "$@"
elif [ $# -gt 0 ]; then
  scripts/source-times.py "${nextest[@]}" --no-run "$@"
  exec "${nextest[@]}" "$@"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
# run COMMAND...: goes on where it fails, and remembers.
run() { "$@" </dev/null 2>&1 | tee -a "$log" || status=${PIPESTATUS[0]}; }

scripts/source-times.py cargo test "${build[@]}" --workspace --lib --bins --tests --no-run </dev/null

run "$test_run" "${nextest[@]}" --workspace --lib --bins --tests
run "${deployment_tests[@]}" -- "${deployment[@]}"
run scripts/source-times.py cargo test "${build[@]}" --workspace --doc

# nextest's summary, and one line a binary of cargo test. A run that crashed leaves no such line: it counts
# as one failure, and so does a run in which no test ran at all.
sed 's/\x1b\[[0-9;]*m//g' "$log" | awk -v status="$status" '
  /^ *Summary \[/ || /^test result: / {
    for (i = 2; i <= NF; i++) {
      if ($i ~ /^passed/) passed += $(i - 1)
      if ($i ~ /^(failed|timed)/) failed += $(i - 1)
    }
  }
  END {
    if (status != 0 && failed == 0) { print "a runner ended with " status " and no failed test: counted as one failure"; failed = 1 }
    if (passed + failed == 0) { print "no test ran: counted as one failure"; failed = 1 }
    printf "%d passed, %d failed\n", passed, failed
    exit (failed > 0)
  }'
