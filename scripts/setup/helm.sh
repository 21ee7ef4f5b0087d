# shellcheck shell=bash
# Helm, built from its Go module, and what checks its output against the Kubernetes schemas.

helm_version=3.19.0
helm_home=$cache/helm-$helm_version

helm_ready() { have helm || [ -x "$helm_home/helm" ]; }

helm_make() {
  helm_ready || go_tool helm "$helm_version" "$helm_home" helm.sh/helm/v3 \
    "renders and checks the chart in helm/fairlead (75 MB)" "1 to 2 minutes on two cores" helm.sh/helm/v3/cmd/helm
}
