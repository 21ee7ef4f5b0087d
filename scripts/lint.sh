#!/usr/bin/env bash
# Every check of `make lint`, one after the other; all of them run, and any failure fails the run.
#
#   scripts/lint.sh              everything
#   scripts/lint.sh quick        what compiles nothing
#   scripts/lint.sh compiled     clippy and the API documentation, warnings denied
#   scripts/lint.sh protos       the contracts only
#   scripts/lint.sh fix-toml     lays out the TOML files
#   scripts/lint.sh gate [...]   the same; a tool that is missing is a failure
#
# Without `gate`, a linter that is not on this machine is named as skipped: `scripts/setup.sh lint` fetches them.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${FAIRLEAD_CACHE:-$HOME/.cache/fairlead}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
cd "$root"
# shellcheck source=scripts/setup/report.sh
source "$root/scripts/setup/report.sh"
# shellcheck source=scripts/setup/wheels.sh
source "$root/scripts/setup/wheels.sh"
# shellcheck source=scripts/setup/lint.sh
source "$root/scripts/setup/lint.sh"
lint_path

gate=
if [ "${1:-}" = gate ]; then
  gate=1
  shift
fi
# Read by the checks of chart and deployment: there too nothing is skipped.
export FAIRLEAD_GATE=$gate

failed=()
check() {
  local name=$1
  shift
  printf '==> %s\n' "$name"
  "$@" || failed+=("$name")
}
# check_with TOOL NAME COMMAND...: without the tool on this machine it is skipped, or in the gate a failure.
check_with() {
  local tool=$1
  shift
  # Asked for its version, not looked up: rustup leaves a proxy on PATH for parts that are not installed.
  if "$tool" --version >/dev/null 2>&1; then
    check "$@"
  elif [ -n "$gate" ]; then
    check "$1" fail_without "$tool"
  else
    printf '==> %s skipped: no %s here\n' "$1" "$tool"
  fi
}
fail_without() {
  printf '    no %s on this machine: scripts/setup.sh lint\n' "$1" >&2
  return 1
}

licences_and_homes() { cargo-deny --locked check bans licenses sources; }

# Advisories need the RustSec database from the network; the rest of the check does not.
advisories() {
  local database=https://github.com/RustSec/advisory-db
  if GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote --exit-code "$database" HEAD >/dev/null 2>&1; then
    cargo-deny --locked check advisories
  else
    printf '    skipped: %s cannot be reached\n' "$database"
  fi
}

unused_dependencies() { cargo-shear shear --locked --deny-warnings --check-test-targets; }

shell_scripts() { git ls-files -z ':(glob)scripts/*.sh' ':(glob)scripts/chart/*.sh' .ci/run | xargs -0r shellcheck --external-sources --check-sourced; }

toml_layout() { git ls-files -z '*.toml' | xargs -0r taplo fmt --check; }
toml_fix() { git ls-files -z '*.toml' | xargs -0r taplo fmt; }

# The contracts that clients have: those of the last tag; before the first one, of the commit that
# proto/released names.
released() { git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || grep -v '^#' proto/released; }
breaking_contracts() {
  local commit before broken=0
  commit=$(released)
  before=$(mktemp -d)
  git archive "$commit" proto | tar -x -C "$before" || {
    rm -rf -- "$before"
    printf '    no commit %s in this clone: fetch the whole history\n' "$commit" >&2
    return 1
  }
  buf breaking proto --against "$before/proto" || broken=1
  rm -rf -- "$before"
  [ "$broken" -eq 0 ] || printf '    compared with the contracts of %s\n' "$commit" >&2
  return "$broken"
}
protos() {
  check_with buf "contracts: lint" buf lint proto
  check_with buf "contracts: nothing that breaks a client" breaking_contracts
}

clippy() { scripts/source-times.py cargo --config .cargo/loop.toml clippy --release --locked --workspace --all-targets -- -D warnings; }
api_docs() { RUSTDOCFLAGS='-D warnings' scripts/source-times.py cargo --config .cargo/loop.toml doc --release --locked --workspace --no-deps --keep-going; }

quick() {
  check_with rustfmt rustfmt cargo fmt --all --check
  check_with typos spelling typos
  check_with taplo toml toml_layout
  check_with shellcheck shell shell_scripts
  protos
  check_with cargo-deny "licences and homes" licences_and_homes
  check_with cargo-deny advisories advisories
  check_with cargo-shear "unused dependencies" unused_dependencies
  check chart scripts/check-helm.sh # says itself what it skips
  check deploy scripts/check-deploy.sh
}

compiled() {
  check_with cargo-clippy clippy clippy
  check "API documentation" api_docs
}

case ${1:-all} in
  all) quick; compiled ;;
  quick) quick ;;
  compiled) compiled ;;
  protos) protos ;;
  fix-toml) check_with taplo toml toml_fix ;;
  *) fail "unknown argument '$1': allowed are gate, quick, compiled, protos, fix-toml" ;;
esac

[ ${#failed[@]} -eq 0 ] || fail "failed: $(printf '%s; ' "${failed[@]}")"
