{{/* Rules of the NetworkPolicies. Each takes what it lets through from the one table of processes. */}}

{{/* A rule to or from pods of this release. Takes (dict "root" $ "side" "to" "components" (list) "port" 1). */}}
{{- define "fairlead.rule.pods" -}}
- {{ .side }}:
  {{- range .components }}
  - podSelector:
      matchLabels: {{- include "fairlead.selector" (dict "root" $.root "component" .) | nindent 8 }}
  {{- end }}
  ports: [{protocol: TCP, port: {{ .port }}}]
{{- end -}}

{{/* A rule to or from what is outside; no peers: any address on that port.
     Takes (dict "side" "to" "peers" (list) "port" 1). */}}
{{- define "fairlead.rule.outside" -}}
- ports: [{protocol: TCP, port: {{ .port }}}]
  {{- with .peers }}
  {{ $.side }}: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* To a server that is bundled or outside. Takes (dict "root" $ "server" "redis" "port" 6379). */}}
{{- define "fairlead.rule.server" -}}
{{- if (get .root.Values.bundled .server).enabled -}}
{{ include "fairlead.rule.pods" (dict "root" .root "side" "to" "components" (list .server) "port" .port) }}
{{- else -}}
{{- $peers := get .root.Values.networkPolicy .server -}}
{{ include "fairlead.rule.outside" (dict "side" "to" "peers" $peers.peers "port" $peers.port) }}
{{- end -}}
{{- end -}}

{{- define "fairlead.rule.dns" -}}
- ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
  {{- with .Values.networkPolicy.dns.peers }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* Everything that a process may reach. Takes (dict "root" $ "needs" (list) "calls" (list) "port" "x"). */}}
{{- define "fairlead.egress" -}}
{{- $v := .root.Values -}}
{{ include "fairlead.rule.dns" .root }}
{{- range .calls }}
{{- $callee := get (include "fairlead.components" $.root | fromYaml) . }}
{{ include "fairlead.rule.pods" (dict "root" $.root "side" "to" "components" (list .) "port" (get $v.ports $callee.port)) }}
{{- end }}
{{- range $server, $port := dict "redis" 6379 "kafka" 9092 "postgresql" 5432 }}
{{- if has $server $.needs }}
{{ include "fairlead.rule.server" (dict "root" $.root "server" $server "port" $port) }}
{{- end }}
{{- end }}
{{- if and .port (eq $v.discovery.kind "consul") }}
{{ include "fairlead.rule.server" (dict "root" .root "server" "consul" "port" 8500) }}
{{- end }}
{{- if and (has "lake-store" .needs) (hasPrefix "s3://" $v.lake.url) }}
{{ include "fairlead.rule.outside" (dict "side" "to" "peers" $v.networkPolicy.objectStore.peers "port" $v.networkPolicy.objectStore.port) }}
{{- end }}
{{- if $v.config.telemetry.otlp }}
{{ include "fairlead.rule.outside" (dict "side" "to" "peers" $v.networkPolicy.otlp.peers "port" $v.networkPolicy.otlp.port) }}
{{- end }}
{{- end -}}
