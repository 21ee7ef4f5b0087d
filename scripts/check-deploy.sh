#!/usr/bin/env bash
# Checks of deploy/ as far as a machine without a Docker engine goes: the Dockerfile by hadolint, the
# compose file against its published schema and against the files it names, Prometheus' configuration
# by promtool. Nothing is built or started. `make lint` runs it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${FAIRLEAD_CACHE:-$HOME/.cache/fairlead}
cd "$root"
# shellcheck source=scripts/setup/report.sh
source "$root/scripts/setup/report.sh"
# shellcheck source=scripts/setup/helm.sh
source "$root/scripts/setup/helm.sh"
chart_path

wrong=0
step() {
  local what=$1
  shift
  if "$@"; then printf '    ok: %s\n' "$what"; else printf '    WRONG: %s\n' "$what" >&2; wrong=1; fi
}
skip() { printf '    skipped: %s\n' "$1"; }

# With the rules beside it, as the compose file mounts them.
prometheus() {
  local folder said status=0
  folder=$(mktemp -d)
  mkdir "$folder/rules"
  cp deploy/prometheus.yml "$folder/"
  cp helm/fairlead/files/alerts.yaml "$folder/rules/"
  said=$(promtool check config "$folder/prometheus.yml" 2>&1) || status=$?
  [ "$status" -eq 0 ] || printf '%s\n' "$said" >&2
  rm -r -- "$folder"
  return "$status"
}

if have hadolint; then step "hadolint deploy/Dockerfile" hadolint deploy/Dockerfile; else skip "the Dockerfile: no hadolint here"; fi
if chart_have_wheels; then step "deploy/compose.yaml" python3 scripts/chart/compose.py; else skip "the compose file: no schema here"; fi
if have promtool; then step "deploy/prometheus.yml" prometheus; else skip "Prometheus' configuration: no promtool here"; fi
exit "$wrong"
