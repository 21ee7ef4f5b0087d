#!/usr/bin/env bash
# Makes what is missing to build, run and test Fairlead on Debian 12 with Rust; changes nothing
# that is already there. Each part says what it fetches, why, and about how long it takes.
#
#   scripts/setup.sh demo    build tools, redis-server, libtorch      (`make demo`)
#   scripts/setup.sh test    the above, and the servers and tools that tests talk to: Kafka with
#                            Java, PostgreSQL, Consul, DuckDB, an S3 server, Helm   (`make test`)
#   scripts/setup.sh lint    typos, taplo, cargo-deny, buf, and helm  (`make lint`)
#   scripts/setup.sh helm    Helm and what checks the chart           (`make helm`)
#
# What is on PATH is used first. What is fetched is kept outside the clone, by version, in
# ${FAIRLEAD_CACHE:-$HOME/.cache/fairlead}. LIBTORCH, where set, is used as it is.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${FAIRLEAD_CACHE:-$HOME/.cache/fairlead}
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac

# shellcheck source=scripts/setup/report.sh
source "$root/scripts/setup/report.sh"
# shellcheck source=scripts/setup/rust.sh
source "$root/scripts/setup/rust.sh"
# shellcheck source=scripts/setup/apt.sh
source "$root/scripts/setup/apt.sh"
# shellcheck source=scripts/setup/wheels.sh
source "$root/scripts/setup/wheels.sh"
# shellcheck source=scripts/setup/libtorch.sh
source "$root/scripts/setup/libtorch.sh"
# shellcheck source=scripts/setup/kafka.sh
source "$root/scripts/setup/kafka.sh"
# shellcheck source=scripts/setup/consul.sh
source "$root/scripts/setup/consul.sh"
# shellcheck source=scripts/setup/helm.sh
source "$root/scripts/setup/helm.sh"
# shellcheck source=scripts/setup/duckdb.sh
source "$root/scripts/setup/duckdb.sh"
# shellcheck source=scripts/setup/s3.sh
source "$root/scripts/setup/s3.sh"
# shellcheck source=scripts/setup/oidc.sh
source "$root/scripts/setup/oidc.sh"
# shellcheck source=scripts/setup/nextest.sh
source "$root/scripts/setup/nextest.sh"
# shellcheck source=scripts/setup/lint.sh
source "$root/scripts/setup/lint.sh"
# shellcheck source=scripts/setup/postgres.sh
source "$root/scripts/setup/postgres.sh"

# Packages first, all in one go: the fetchers below need some of them.
want_packages() {
  case $1 in
    demo) want_build_tools; want_redis; libtorch_want ;;
    test) want_packages demo; kafka_want; postgres_want; go_want; duckdb_want; s3_want; oidc_want; nextest_want ;;
    lint) lint_want; want_packages helm ;;
    helm) chart_want ;;
  esac
}

make_parts() {
  case $1 in
    demo) libtorch_make ;;
    test) make_parts demo; kafka_make; helm_make; consul_make; duckdb_make; s3_make; oidc_make; nextest_make ;;
    lint) lint_make; make_parts helm ;;
    helm) chart_make ;;
  esac
}

main() {
  local parts=("$@") part
  [ ${#parts[@]} -gt 0 ] || parts=(demo)
  for part in "${parts[@]}"; do
    case $part in
      demo | test | lint | helm) ;;
      -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
      *) fail "unknown part '$part': allowed are demo, test, lint, helm" ;;
    esac
  done
  rust_check
  for part in "${parts[@]}"; do want_packages "$part"; done
  apt_make
  for part in "${parts[@]}"; do make_parts "$part"; done
}

main "$@"
