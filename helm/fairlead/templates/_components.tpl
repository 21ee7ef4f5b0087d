{{/*
The processes: the one table that every template walks. `port` is the key of .Values.ports of the
process' own service; `calls` are the drawn edges to other processes; the rest says which servers it
talks to. The NetworkPolicies are made of this table and of nothing else.
*/}}
{{- define "fairlead.components" -}}
gateway:
  values: gateway
  command: [fairlead, serve, gateway]
  port: gateway
  calls: [profile, recall, ranking, pricing, control-plane]
  needs: [kafka, origin-keys, services-token]
profile:
  values: profile
  command: [fairlead, serve, profile]
  port: profile
  calls: [control-plane]
  needs: [redis, services-token]
recall:
  values: recall
  command: [fairlead, serve, recall]
  port: recall
  calls: [control-plane]
  needs: [redis, models, services-token]
ranking:
  values: ranking
  command: [fairlead, serve, ranking]
  port: ranking
  calls: [control-plane]
  needs: [redis, models, services-token]
pricing:
  values: pricing
  command: [fairlead, serve, pricing]
  port: pricing
  calls: [control-plane]
  needs: [redis, signing-keys, services-token]
control-plane:
  values: controlPlane
  command: [fairlead, serve, control-plane]
  port: control
  calls: []
  needs: [postgresql, kafka, services-token]
stream:
  values: stream
  command: [fairlead, stream]
  port: ""
  calls: []
  needs: [redis, kafka, origin-keys]
{{- if .Values.workloads.lake.enabled }}
lake:
  values: lake
  command: [fairlead-lake, write]
  port: ""
  calls: []
  needs: [kafka, lake-store]
{{- end }}
{{- end -}}

{{/* Refuses sets of values that no schema can: each message names the value and what is allowed. */}}
{{- define "fairlead.check" -}}
{{- $v := .Values -}}
{{- if not (or $v.bundled.redis.enabled $v.redis.urlSecret.name) -}}
{{- fail "redis.urlSecret.name is empty: name a Secret with the Redis URL, or set bundled.redis.enabled for a trial" -}}
{{- end -}}
{{- if not (or $v.bundled.kafka.enabled $v.kafka.bootstrap) -}}
{{- fail "kafka.bootstrap is empty: give HOST:PORT of the brokers, or set bundled.kafka.enabled for a trial" -}}
{{- end -}}
{{- if not (or $v.bundled.postgresql.enabled $v.database.urlSecret.name) -}}
{{- fail "database.urlSecret.name is empty: name a Secret with the control database's URL, or set bundled.postgresql.enabled for a trial" -}}
{{- end -}}
{{- if and (eq $v.discovery.kind "consul") (not (or $v.bundled.consul.enabled $v.discovery.consul.url)) -}}
{{- fail "discovery.consul.url is empty while discovery.kind is consul: give the agent's URL, or set bundled.consul.enabled for a trial" -}}
{{- end -}}
{{- if not $v.tls.mode -}}
{{- fail "tls.mode is empty: set certificates (a Secret for each process, or tls.issuer), or encrypted-network where a service mesh or the CNI encrypts between pods" -}}
{{- end -}}
{{- if and $v.tls.publicSecret (ne $v.tls.mode "certificates") -}}
{{- fail "tls.publicSecret needs tls.mode certificates: otherwise the gateway serves plaintext" -}}
{{- end -}}
{{- if and (not $v.servicesToken.name) (ne $v.tls.mode "certificates") -}}
{{- fail "servicesToken.name is empty: name a Secret with 32 or more random characters, by which the services know each other where they have no certificates" -}}
{{- end -}}
{{- $pricing := $v.workloads.pricing -}}
{{- if and (or $pricing.autoscaling.enabled (gt (int $pricing.replicas) 1)) (not $v.signingKeys.name) -}}
{{- fail "signingKeys.name is empty while pricing has several replicas: each would sign with its own key and refuse the others' quotes" -}}
{{- end -}}
{{- $stream := $v.workloads.stream -}}
{{- $most := ternary $stream.autoscaling.maxReplicas $stream.replicas $stream.autoscaling.enabled | int -}}
{{- if gt $most (int $v.config.gateway.partitions) -}}
{{- fail (printf "workloads.stream may grow to %d replicas, but config.gateway.partitions is %d: the rest would idle" $most (int $v.config.gateway.partitions)) -}}
{{- end -}}
{{- range $name, $one := $v.workloads -}}
{{- if and $one.autoscaling.enabled (gt (int $one.autoscaling.minReplicas) (int $one.autoscaling.maxReplicas)) -}}
{{- fail (printf "workloads.%s.autoscaling.minReplicas %d is more than maxReplicas %d" $name (int $one.autoscaling.minReplicas) (int $one.autoscaling.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- $lake := $v.workloads.lake -}}
{{- $several := or $lake.autoscaling.enabled (gt (int $lake.replicas) 1) $v.lake.compaction.enabled -}}
{{- $reached := or (hasPrefix "s3://" $v.lake.url) (and (or $v.lake.volume.create $v.lake.volume.existingClaim) (eq $v.lake.volume.accessMode "ReadWriteMany")) -}}
{{- if and $lake.enabled $several (not $reached) -}}
{{- fail "lake: several pods need one lake: set lake.url to s3://..., or a lake.volume with accessMode ReadWriteMany" -}}
{{- end -}}
{{- if $v.networkPolicy.enabled -}}
{{- include "fairlead.check.port" (dict "what" "kafka.bootstrap" "address" (ternary "" $v.kafka.bootstrap $v.bundled.kafka.enabled) "policy" "kafka" "root" .) -}}
{{- include "fairlead.check.port" (dict "what" "config.telemetry.otlp" "address" $v.config.telemetry.otlp "policy" "otlp" "root" .) -}}
{{- if eq $v.discovery.kind "consul" -}}
{{- include "fairlead.check.port" (dict "what" "discovery.consul.url" "address" $v.discovery.consul.url "policy" "consul" "root" .) -}}
{{- end -}}
{{- end -}}
{{- if and $v.models.create $v.models.existingClaim -}}
{{- fail "models.create and models.existingClaim exclude each other" -}}
{{- end -}}
{{- end -}}

{{/* An address whose port the NetworkPolicy does not let through would only ever time out.
     Takes (dict "what" "value" "address" "host:1,host:2" "policy" "kafka" "root" $). */}}
{{- define "fairlead.check.port" -}}
{{- $allowed := int (get .root.Values.networkPolicy .policy).port -}}
{{- $what := .what -}}
{{- $policy := .policy -}}
{{- range regexFindAll ":[0-9]+" (.address | default "") -1 -}}
{{- if ne (trimPrefix ":" . | int) $allowed -}}
{{- fail (printf "%s goes to port %s, but networkPolicy.%s.port is %d: the policy would stop it" $what (trimPrefix ":" .) $policy $allowed) -}}
{{- end -}}
{{- end -}}
{{- end -}}
