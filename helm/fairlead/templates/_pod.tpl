{{/* Parts of every pod. */}}

{{- define "fairlead.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.podSecurity.runAsUser }}
runAsGroup: {{ .Values.podSecurity.runAsGroup }}
fsGroup: {{ .Values.podSecurity.fsGroup }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "fairlead.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* One variable from a Secret. Takes (dict "name" "VARIABLE" "from" (dict "name" "key")). */}}
{{- define "fairlead.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: {name: {{ .from.name }}, key: {{ .from.key }}}
{{- end -}}

{{/* The environment of a process: addresses with passwords, and what only the pod knows.
     Takes (dict "root" $ "needs" (list) "port" "x" "component" "x"). */}}
{{- define "fairlead.environment" -}}
{{- $v := .root.Values -}}
{{- if and (has "redis" .needs) (not $v.bundled.redis.enabled) }}
{{ include "fairlead.secretVariable" (dict "name" "FAIRLEAD_REDIS__URL" "from" $v.redis.urlSecret) }}
{{- end }}
{{- if and (has "postgresql" .needs) (not $v.bundled.postgresql.enabled) }}
{{ include "fairlead.secretVariable" (dict "name" "FAIRLEAD_CONTROL__DATABASE" "from" $v.database.urlSecret) }}
{{- end }}
{{- if and (eq .component "gateway") $v.apiKeys.name }}
{{ include "fairlead.secretVariable" (dict "name" "FAIRLEAD_GATEWAY__API_KEYS" "from" $v.apiKeys) }}
{{- end }}
{{- if and (eq $v.discovery.kind "consul") (or .port (has "discovery" .needs)) }}
- name: FAIRLEAD_DISCOVERY__ADVERTISE
  valueFrom:
    fieldRef: {fieldPath: status.podIP}
{{- if $v.discovery.consul.tokenSecret.name }}
{{ include "fairlead.secretVariable" (dict "name" "FAIRLEAD_DISCOVERY__CONSUL_TOKEN" "from" $v.discovery.consul.tokenSecret) }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "fairlead.mounts" -}}
{{- $v := .root.Values -}}
- {name: config, mountPath: /etc/fairlead/config, readOnly: true}
- {name: data, mountPath: {{ $v.dataDir }}}
- {name: tmp, mountPath: /tmp}
{{- if has "models" .needs }}
- {name: models, mountPath: {{ $v.models.mountPath }}, readOnly: true}
{{- end }}
{{- if and (has "signing-keys" .needs) $v.signingKeys.name }}
- {name: signing-keys, mountPath: /etc/fairlead/signing, readOnly: true}
{{- end }}
{{- if and (has "origin-keys" .needs) $v.originKeys.name }}
- {name: origin-keys, mountPath: /etc/fairlead/origin, readOnly: true}
{{- end }}
{{- if and (has "services-token" .needs) (ne $v.tls.mode "certificates") }}
- {name: services-token, mountPath: /etc/fairlead/services, readOnly: true}
{{- end }}
{{- if and .port (eq $v.discovery.kind "consul") $v.discovery.consul.caSecret.name }}
- {name: consul-ca, mountPath: /etc/fairlead/consul, readOnly: true}
{{- end }}
{{- if and .port (eq $v.tls.mode "certificates") }}
- {name: tls, mountPath: /etc/fairlead/tls, readOnly: true}
{{- if and (eq .component "gateway") $v.tls.publicSecret }}
- {name: public-tls, mountPath: /etc/fairlead/public, readOnly: true}
{{- end }}
{{- end }}
{{- if and (has "lake-store" .needs) (or $v.lake.volume.create $v.lake.volume.existingClaim) }}
- {name: lake, mountPath: {{ $v.dataDir }}/lake}
{{- end }}
{{- end -}}

{{- define "fairlead.volumes" -}}
{{- $v := .root.Values -}}
{{- $name := include "fairlead.fullname" .root -}}
- name: config
  configMap: {name: {{ .config | default (printf "%s-config" $name) }}}
- name: data
  emptyDir: {sizeLimit: {{ $v.dataSizeLimit }}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- if has "models" .needs }}
- name: models
  {{- if or $v.models.existingClaim $v.models.create }}
  persistentVolumeClaim: {claimName: {{ $v.models.existingClaim | default (printf "%s-models" $name) }}, readOnly: true}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
{{- if and (has "signing-keys" .needs) $v.signingKeys.name }}
- name: signing-keys
  secret:
    secretName: {{ $v.signingKeys.name }}
    # Group-readable: the process runs as a user of fsGroup.
    defaultMode: 0440
    items: [{key: {{ $v.signingKeys.key }}, path: signing-keys.json}]
{{- end }}
{{- if and (has "origin-keys" .needs) $v.originKeys.name }}
- name: origin-keys
  secret:
    secretName: {{ $v.originKeys.name }}
    defaultMode: 0440
    items: [{key: {{ $v.originKeys.key }}, path: origin-keys.json}]
{{- end }}
{{- if and (has "services-token" .needs) (ne $v.tls.mode "certificates") }}
- name: services-token
  secret:
    secretName: {{ $v.servicesToken.name }}
    defaultMode: 0440
    items: [{key: {{ $v.servicesToken.key }}, path: services.token}]
{{- end }}
{{- if and .port (eq $v.discovery.kind "consul") $v.discovery.consul.caSecret.name }}
- name: consul-ca
  secret:
    secretName: {{ $v.discovery.consul.caSecret.name }}
    defaultMode: 0440
    items: [{key: {{ $v.discovery.consul.caSecret.key }}, path: ca.crt}]
{{- end }}
{{- if and .port (eq $v.tls.mode "certificates") }}
- name: tls
  # A renewed Secret appears in the pod, and is taken without a restart.
  secret: {secretName: {{ $name }}-{{ .component }}-tls, defaultMode: 0440}
{{- if and (eq .component "gateway") $v.tls.publicSecret }}
- name: public-tls
  secret: {secretName: {{ $v.tls.publicSecret }}, defaultMode: 0440}
{{- end }}
{{- end }}
{{- if and (has "lake-store" .needs) (or $v.lake.volume.create $v.lake.volume.existingClaim) }}
- name: lake
  persistentVolumeClaim: {claimName: {{ $v.lake.volume.existingClaim | default (printf "%s-lake" $name) }}}
{{- end }}
{{- end -}}

{{/* What the pods of processes and of jobs share. */}}
{{- define "fairlead.podCommon" -}}
# The variables that Kubernetes makes of Services begin with FAIRLEAD_ too, and are no keys.
enableServiceLinks: false
automountServiceAccountToken: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext: {{- include "fairlead.podSecurity" . | nindent 2 }}
{{- end -}}
