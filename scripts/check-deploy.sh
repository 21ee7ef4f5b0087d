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
# shellcheck source=scripts/setup/wheels.sh
source "$root/scripts/setup/wheels.sh"
# shellcheck source=scripts/setup/helm.sh
source "$root/scripts/setup/helm.sh"
# shellcheck source=scripts/chart/steps.sh
source "$root/scripts/chart/steps.sh"
chart_path


# With the rules beside it, as the compose file mounts them.
prometheus() {
  local folder=$1
  mkdir "$folder/rules"
  cp deploy/prometheus.yml "$folder/"
  cp helm/fairlead/files/alerts.yaml "$folder/rules/"
  quietly promtool check config "$folder/prometheus.yml"
}

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
if have hadolint; then step "hadolint deploy/Dockerfile" hadolint deploy/Dockerfile; else skip "the Dockerfile: no hadolint here"; fi
if chart_have_wheels; then step "deploy/compose.yaml" python3 scripts/chart/compose.py; else skip "the compose file: no schema here"; fi
if have promtool; then step "deploy/prometheus.yml" prometheus "$scratch"; else skip "Prometheus' configuration: no promtool here"; fi
steps_passed
