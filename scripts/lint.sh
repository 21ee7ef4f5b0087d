#!/usr/bin/env bash
# Every check of `make lint`, one after the other; all of them run, and any failure fails the whole.
#
#   scripts/lint.sh            everything
#   scripts/lint.sh quick      what compiles nothing (what CI runs)
#   scripts/lint.sh protos     the contracts only
#   scripts/lint.sh fix-toml   lays out the TOML files
#
# A linter that is not on this machine is named as skipped: `scripts/setup.sh lint` fetches them.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${FAIRLEAD_CACHE:-$HOME/.cache/fairlead}
cd "$root"
# shellcheck source=scripts/setup/report.sh
source "$root/scripts/setup/report.sh"
# shellcheck source=scripts/setup/lint.sh
source "$root/scripts/setup/lint.sh"
lint_path

failed=()
check() {
  local name=$1
  shift
  printf '==> %s\n' "$name"
  "$@" || failed+=("$name")
}
# check_with TOOL NAME COMMAND...: skips, and says so, where the tool is not on this machine.
check_with() {
  local tool=$1
  shift
  # Asked for its version, not looked up: rustup leaves a proxy on PATH for parts that are not installed.
  if "$tool" --version >/dev/null 2>&1; then check "$@"; else printf '==> %s skipped: no %s here\n' "$1" "$tool"; fi
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

shell_scripts() { git ls-files -z ':(glob)scripts/*.sh' ':(glob)scripts/chart/*.sh' .ci/run | xargs -0r shellcheck --external-sources --check-sourced; }

toml_layout() { git ls-files -z '*.toml' | xargs -0r taplo fmt --check; }
toml_fix() { git ls-files -z "*.toml" | xargs -0r taplo fmt; }

protos() { buf lint proto; }

quick() {
  check_with rustfmt rustfmt cargo fmt --all --check
  check_with typos spelling typos
  check_with taplo toml toml_layout
  check_with shellcheck shell shell_scripts
  check_with buf protos protos
  check chart scripts/check-helm.sh # says itself what it skips
  check deploy scripts/check-deploy.sh
}

full() {
  quick
  check_with cargo-deny "licences and homes" licences_and_homes
  check_with cargo-deny advisories advisories
  check_with cargo-clippy clippy cargo clippy --release --locked --workspace --all-targets -- -D warnings
}

case ${1:-all} in
  all) full ;;
  quick) quick ;;
  protos) check_with buf protos protos ;;
  fix-toml) check_with taplo toml toml_fix ;;
  *) fail "unknown argument '$1': allowed are quick, protos, fix-toml" ;;
esac

[ ${#failed[@]} -eq 0 ] || fail "failed: ${failed[*]}"
