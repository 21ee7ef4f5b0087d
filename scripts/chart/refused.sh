#!/usr/bin/env bash
# Wrong values that the chart must refuse, each with words that its message must hold. The last value
# of each line is right on its own in no set: it is put over helm/values/small.yaml.
set -euo pipefail

chart=$1
kubernetes=$2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

missed=0
# refuses WORDS VALUES...: helm template must fail, saying WORDS.
refuses() {
  local words=$1 said
  shift
  local set=()
  for value in "$@"; do set+=(--set "$value"); done
  if said=$(helm template f "$chart" --kube-version "$kubernetes" --values helm/values/small.yaml "${set[@]}" 2>&1 >/dev/null); then
    printf '%s is not refused\n' "$*" >&2
    missed=1
  elif [[ $said != *"$words"* ]]; then
    printf '%s is refused without saying "%s":\n%s\n' "$*" "$words" "$said" >&2
    missed=1
  fi
}

# What the schema holds.
refuses "additional properties 'bank'" workloads.bank.replicas=2
refuses "additional properties 'colour'" colour=1
refuses "/tenant" tenant="a b"
refuses "/workloads/gateway/replicas" workloads.gateway.replicas=0
refuses "/workloads/gateway/replicas" workloads.gateway.replicas=many
refuses "/workloads/pricing/resources" workloads.pricing.resources.limits=null
refuses "/workloads/pricing/resources/limits" workloads.pricing.resources.limits.cpu=lots
refuses "/tls/mode" tls.mode=off
refuses "/tls/trustDomain" tls.trustDomain=Bank
refuses "/discovery/kind" discovery.kind=static
refuses "/ports/gateway" ports.gateway=80
refuses "/kafka/bootstrap" kafka.bootstrap=kafka
refuses "additional properties 'url'" redis.url=redis://x
refuses "additional properties 'api_keys'" config.gateway.api_keys.k.tenant=demo
refuses "additional properties 'signing_keys_file'" config.pricing.signing_keys_file=/x
refuses "/config/gateway/candidates" config.gateway.candidates=1001
refuses "/config/gateway/shares/profile" config.gateway.shares.profile=2
refuses "/config/telemetry/otlp" config.telemetry.otlp=collector:4317
refuses "/config/telemetry/trace_share" config.telemetry.trace_share=2
refuses "/lake/url" lake.url=ftp://x
refuses "/models/mountPath" models.mountPath=models
refuses "/podSecurity/runAsUser" podSecurity.runAsUser=0
refuses "/networkPolicy/redis/peers" networkPolicy.redis.peers=10.0.0.0/8
refuses "/topologySpread/whenUnsatisfiable" topologySpread.whenUnsatisfiable=Never
refuses "/image/digest" image.digest=latest
refuses "/preStopSeconds" preStopSeconds=0

# What depends on several values.
refuses "kafka.bootstrap is empty" kafka.bootstrap=
refuses "redis.urlSecret.name is empty" redis.urlSecret.name=
refuses "database.urlSecret.name is empty" database.urlSecret.name=
refuses "tls.mode is empty" tls.mode=
refuses "tls.publicSecret needs tls.mode certificates" tls.mode=encrypted-network tls.publicSecret=x
refuses "discovery.consul.url is empty" discovery.kind=consul
refuses "servicesToken.name is empty" tls.mode=encrypted-network servicesToken.name=
refuses "signingKeys.name is empty" signingKeys.name= workloads.pricing.replicas=2
refuses "config.gateway.partitions is 4" workloads.stream.replicas=5
refuses "config.gateway.partitions is 4" workloads.stream.autoscaling.enabled=true
refuses "minReplicas 8 is more than maxReplicas 3" workloads.recall.autoscaling.enabled=true \
  workloads.recall.autoscaling.minReplicas=8 workloads.recall.autoscaling.maxReplicas=3
refuses "several pods need one lake" workloads.lake.replicas=2
refuses "several pods need one lake" lake.compaction.enabled=true
refuses "exclude each other" models.existingClaim=models
refuses "networkPolicy.otlp.port is 4317" config.telemetry.otlp=http://collector:4318
refuses "networkPolicy.kafka.port is 9092" kafka.bootstrap=kafka:9093
refuses "networkPolicy.consul.port is 8500" discovery.kind=consul discovery.consul.url=https://consul:8501
refuses "gateway.ingress.host is empty" gateway.ingress.enabled=true

# The right ones pass, so that what refuses above is the value and nothing else.
if ! helm template f "$chart" --kube-version "$kubernetes" --values helm/values/small.yaml >/dev/null; then missed=1; fi
exit "$missed"
