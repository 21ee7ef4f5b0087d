#!/usr/bin/env bash
# Checks of the chart in helm/fairlead, its alerts and its dashboards; `make helm` and `make lint` run it.
#
#   scripts/check-helm.sh      everything that the tools on this machine allow; says what it skipped
#
# `scripts/setup.sh helm` makes the tools.
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

chart=helm/fairlead
# The oldest Kubernetes that the chart installs on, and a recent one.
versions=(1.30.0 1.34.0)

# render NAME ARGUMENTS...: one set of values, linted and rendered into $rendered/NAME.yaml.
render() {
  local name=$1
  shift
  helm lint --strict --quiet --kube-version "${versions[0]}" "$chart" "$@" &&
    helm template fairlead "$chart" --namespace fairlead --kube-version "${versions[0]}" "$@" >"$rendered/$name.yaml"
}

check_chart() {
  local values=helm/values
  for name in small production trial; do
    step "helm lint and template, $name" render "$name" --values "$values/$name.yaml"
  done
  step "consul outside" render consul --values "$values/production.yaml" \
    --set discovery.kind=consul,discovery.consul.url=http://consul.consul:8500,discovery.consul.tokenSecret.name=consul-token
  step "consul bundled" render consul-trial --values "$values/trial.yaml" --set discovery.kind=consul,bundled.consul.enabled=true
  step "everything optional off" render bare --values "$values/small.yaml" --set networkPolicy.enabled=false \
    --set workloads.lake.enabled=false,migration.enabled=false,topologySpread.enabled=false,models.create=false
  if chart_have_wheels; then
    for version in "${versions[@]}"; do
      step "objects against the schemas of Kubernetes $version" python3 scripts/chart/objects.py "$version" "$rendered"/*.yaml
    done
    step "only the drawn edges" python3 scripts/chart/edges.py "$rendered/trial.yaml" "$rendered/consul-trial.yaml"
  else
    skip "Kubernetes schemas and edges: no kubernetes-validate here"
  fi
  step "wrong values are refused" scripts/chart/refused.sh "$chart" "${versions[0]}"
}

dashboards() {
  local folder=$1
  python3 scripts/chart/watched.py queries >"$folder/queries.yaml" && quietly promtool check rules "$folder/queries.yaml"
}

check_rules() {
  step "promtool check rules" quietly promtool check rules "$chart/files/alerts.yaml"
  step "promtool test rules" quietly promtool test rules helm/tests/alerts_test.yaml
  if chart_have_wheels; then step "the dashboards' queries" dashboards "$rendered"; fi
}

rendered=$(mktemp -d)
trap 'rm -rf -- "$rendered"' EXIT
if have helm; then check_chart; else skip "the chart: no helm here"; fi
if have promtool; then check_rules; else skip "alert rules: no promtool here"; fi
if chart_have_wheels; then
  step "alerts, runbooks, dashboards and the metrics of the code" python3 scripts/chart/watched.py
else
  skip "alerts, runbooks and dashboards: no YAML for Python here"
fi
steps_passed
