{{/* fairlead.toml: the file that the binary reads and `--check-config` checks, the same for all. */}}

{{/* A table with its sub-tables. Takes (dict "path" "a.b" "table" $map). */}}
{{- define "fairlead.toml" -}}
{{- $path := .path -}}
{{- range $key := keys .table | sortAlpha -}}
{{- $value := get $.table $key -}}
{{- if not (kindIs "map" $value) }}
{{ $key }} = {{ include "fairlead.toml.value" $value }}
{{- end -}}
{{- end -}}
{{- range $key := keys .table | sortAlpha -}}
{{- $value := get $.table $key -}}
{{- if and (kindIs "map" $value) $value }}
{{- $inner := ternary $key (printf "%s.%s" $path $key) (eq $path "") }}

[{{ $inner }}]
{{- include "fairlead.toml" (dict "path" $inner "table" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Values arrive as floats: 10000 must not become 10000.0. JSON's strings and lists are TOML's. */}}
{{- define "fairlead.toml.value" -}}
{{- if kindIs "float64" . -}}
{{- if eq (floor .) . -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- else -}}
{{- toJson . -}}
{{- end -}}
{{- end -}}

{{- define "fairlead.config" -}}
{{- include "fairlead.check" . -}}
{{- $v := .Values -}}
{{- $name := include "fairlead.fullname" . -}}
{{- $listen := dict -}}
{{- range $key, $port := $v.ports -}}
{{- $_ := set $listen $key (printf "0.0.0.0:%d" (int $port)) -}}
{{- end -}}
{{- $discovery := dict "kind" $v.discovery.kind "zone" $v.discovery.zone -}}
{{- if eq $v.discovery.kind "consul" -}}
{{- $_ := set $discovery "consul" ($v.discovery.consul.url | default (printf "http://%s-consul:8500" $name)) -}}
{{- if $v.discovery.consul.caSecret.name -}}
{{- $_ := set $discovery "consul_ca_file" "/etc/fairlead/consul/ca.crt" -}}
{{- end -}}
{{- else -}}
{{- $services := dict -}}
{{- range $component, $one := include "fairlead.components" . | fromYaml -}}
{{- if and $one.port (ne $component "gateway") -}}
{{- $_ := set $services $one.port (list (printf "%s-%s:%d" $name $component (int (get $v.ports $one.port)))) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $discovery "services" $services -}}
{{- end -}}
{{- $all := deepCopy $v.config -}}
{{- $_ := set $all "tenant" $v.tenant -}}
{{- $_ := set $all "data_dir" $v.dataDir -}}
{{- $_ := set $all "listen" $listen -}}
{{- $_ := set $all "events" (dict "kafka" (ternary (printf "%s-kafka:9092" $name) $v.kafka.bootstrap $v.bundled.kafka.enabled)) -}}
{{- if $v.originKeys.name -}}
{{- $_ := set $all.events "origin_keys_file" "/etc/fairlead/origin/origin-keys.json" -}}
{{- end -}}
{{- $_ := set $all "identity" (dict "services_token_file" "/etc/fairlead/services/services.token") -}}
{{- if $v.bundled.redis.enabled -}}
{{- $_ := set $all "redis" (dict "url" (printf "redis://%s-redis:6379" $name)) -}}
{{- end -}}
{{- if $v.bundled.postgresql.enabled -}}
{{- $_ := set $all "control" (mustMergeOverwrite (dict) ($v.config.control | default dict) (dict "database" (printf "postgres://fairlead@%s-postgresql:5432/fairlead" $name))) -}}
{{- end -}}
{{- $_ := set $all "discovery" (mustMergeOverwrite (dict) ($v.config.discovery | default dict) $discovery) -}}
{{- if $v.signingKeys.name -}}
{{- $_ := set $all "pricing" (mustMergeOverwrite (dict) ($v.config.pricing | default dict) (dict "signing_keys_file" "/etc/fairlead/signing/signing-keys.json")) -}}
{{- end -}}
{{- $tls := dict "trust_domain" $v.tls.trustDomain -}}
{{- if eq $v.tls.mode "certificates" -}}
{{- $_ := set $tls "certificate_file" "/etc/fairlead/tls/tls.crt" -}}
{{- $_ := set $tls "key_file" "/etc/fairlead/tls/tls.key" -}}
{{- $_ := set $tls "ca_file" "/etc/fairlead/tls/ca.crt" -}}
{{- if $v.tls.publicSecret -}}
{{- $_ := set $tls "public" (dict "certificate_file" "/etc/fairlead/public/tls.crt" "key_file" "/etc/fairlead/public/tls.key") -}}
{{- end -}}
{{- else -}}
{{- $_ := set $tls "plaintext" $v.tls.mode -}}
{{- end -}}
{{- $_ := set $all "tls" (mustMergeOverwrite (dict) ($v.config.tls | default dict) $tls) -}}
{{- with $v.lake.url -}}
{{- $_ := set $all "lake" (mustMergeOverwrite (dict) ($v.config.lake | default dict) (dict "url" .)) -}}
{{- end -}}
# Made by the chart; services/server/src/default.toml explains every key. No secret is in here.
{{- include "fairlead.toml" (dict "path" "" "table" $all) }}
{{ end -}}
