{{/* The trial's servers: what differs between them. */}}
{{- define "fairlead.bundled" -}}
{{- $name := include "fairlead.fullname" . -}}
redis:
  port: 6379
  user: 999
  group: 999
  data: /data
  # What was acknowledged a second ago is on disk; never evict: every key has its own end.
  args: [redis-server, --appendonly, "yes", --appendfsync, everysec, --maxmemory-policy, noeviction, --save, ""]
  ready: {exec: {command: [redis-cli, ping]}, periodSeconds: 5}
  readOnly: true
  resources:
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: "1", memory: 1Gi}
kafka:
  port: 9092
  user: 1000
  group: 1000
  data: /var/lib/kafka/data
  scratch: []
  # Its start-up script writes the configuration into the image's own folders.
  readOnly: false
  env:
    KAFKA_NODE_ID: "1"
    KAFKA_PROCESS_ROLES: broker,controller
    KAFKA_LISTENERS: PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093
    KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://{{ $name }}-kafka:9092
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
    KAFKA_CONTROLLER_LISTENER_NAMES: CONTROLLER
    KAFKA_CONTROLLER_QUORUM_VOTERS: 1@127.0.0.1:9093
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: "1"
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: "1"
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: "1"
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: "false"
    # Below the mount point, which holds lost+found on some volumes.
    KAFKA_LOG_DIRS: /var/lib/kafka/data/logs
    KAFKA_HEAP_OPTS: -Xmx512m
  ready: {tcpSocket: {port: server}, periodSeconds: 5}
  resources:
    requests: {cpu: 250m, memory: 768Mi}
    limits: {cpu: "2", memory: 1Gi}
consul:
  port: 8500
  user: 100
  group: 1000
  data: /consul/data
  scratch: [/consul/config, /tmp]
  args: [agent, -server, -bootstrap-expect=1, -client=0.0.0.0, "-bind=127.0.0.1", -data-dir=/consul/data]
  env:
    # The image's start-up script changes owners unless it is told not to.
    CONSUL_DISABLE_PERM_MGMT: "true"
  ready: {httpGet: {path: /v1/status/leader, port: server}, periodSeconds: 5}
  readOnly: true
  resources:
    requests: {cpu: 100m, memory: 128Mi}
    limits: {cpu: "1", memory: 512Mi}
postgresql:
  port: 5432
  user: 999
  group: 999
  data: /var/lib/postgresql/data
  scratch: [/var/run/postgresql, /tmp]
  env:
    POSTGRES_USER: fairlead
    POSTGRES_DB: fairlead
    # No password in a trial: the NetworkPolicy lets the control plane in and nobody else.
    POSTGRES_HOST_AUTH_METHOD: trust
    PGDATA: /var/lib/postgresql/data/pgdata
  ready: {exec: {command: [pg_isready, -U, fairlead]}, periodSeconds: 5}
  readOnly: true
  resources:
    requests: {cpu: 100m, memory: 128Mi}
    limits: {cpu: "1", memory: 512Mi}
{{- end -}}
