# shellcheck shell=bash
# Apache Kafka and the Java to run it: the broker that tests talk to. `fairlead up` needs neither.

kafka_version=4.1.1
kafka_home=$cache/kafka-$kafka_version

# An own Kafka goes first: KAFKA_HOME, then one on PATH; crates/testkit looks in the same order.
kafka_ready() {
  [ -n "${KAFKA_HOME:-}" ] && [ -d "$KAFKA_HOME/libs" ] && return
  have kafka-storage.sh && return
  [ -f "$kafka_home/lib/kafka_2.13-$kafka_version.jar" ]
}

java_version() {
  "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
}

kafka_want() {
  if [ -z "${JAVA_HOME:-}" ] && ! have java; then
    want openjdk-17-jre-headless "runs Apache Kafka in tests"
  else
    local found
    found=$(java_version)
    [ "${found:-0}" -ge 17 ] || fail "Java ${found:-of an unknown version} is too old, Kafka $kafka_version needs 17 or later"
  fi
  kafka_ready || have mvn || want maven "fetches Apache Kafka from Maven Central"
}

kafka_make() {
  kafka_ready || kafka_fetch
}

kafka_fetch() {
  lock_cache
  ! kafka_ready || return 0
  part "Apache Kafka $kafka_version -> $kafka_home" \
    "the real broker that the tests of the event log talk to (43 MB)" "some 15 seconds"
  new_scratch
  need_space 300
  # A repository of its own: nothing stays behind but the jars.
  if ! mvn -q -B --strict-checksums -f "$root/scripts/setup/kafka-$kafka_version.pom.xml" \
    -Dmaven.repo.local="$scratch/repository" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$scratch/kafka/lib" </dev/null >"$scratch/maven.log" 2>&1; then
    cat "$scratch/maven.log" >&2
    fail "Maven could not fetch Apache Kafka $kafka_version (see above): check the network, or set KAFKA_HOME to a Kafka"
  fi
  (cd "$scratch/kafka/lib" && sha256sum --quiet --check "$root/scripts/setup/kafka-$kafka_version.sha256") ||
    fail "a jar of Kafka $kafka_version is not the one that was pinned (see above)"
  move_into_place "$scratch/kafka" "$kafka_home"
}
