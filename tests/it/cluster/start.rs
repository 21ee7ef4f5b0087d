//! Starting without a dependency: a process waits and says so, serves degraded, or ends and names
//! the key.

use std::time::Duration;

use fairlead_event_log::{EventLog as _, KafkaEventLog, KafkaOptions};
use fairlead_gateway::topics;
use fairlead_testkit::KafkaBroker;
use fairlead_tests::cluster::{PATIENCE, total};

use super::with;

/// An address where nothing listens.
const NOWHERE: &str = "127.0.0.1:1";

/// The text of `/ready` or of the log of a process that waits.
const WAITING: &[(&str, &str, &str, &str)] = &[
    (
        "profile",
        "REDIS__URL",
        "redis://127.0.0.1:1",
        "waiting for: feature store",
    ),
    (
        "recall",
        "REDIS__URL",
        "redis://127.0.0.1:1",
        "waiting for: feature store",
    ),
    (
        "ranking",
        "REDIS__URL",
        "redis://127.0.0.1:1",
        "waiting for: feature store",
    ),
    (
        "pricing",
        "REDIS__URL",
        "redis://127.0.0.1:1",
        "waiting for: feature store",
    ),
    (
        "stream",
        "REDIS__URL",
        "redis://127.0.0.1:1",
        "waiting for: event log, feature store",
    ),
    ("stream", "EVENTS__KAFKA", NOWHERE, "waiting for: event log"),
    (
        "control",
        "CONTROL__DATABASE",
        "postgres://nobody@127.0.0.1:1/none",
        "waiting for: control database",
    ),
    // No Consul, no control plane, and no release on disk.
    (
        "profile",
        "DISCOVERY__CONSUL",
        "http://127.0.0.1:1",
        "waiting for: release",
    ),
    (
        "recall",
        "DISCOVERY__CONSUL",
        "http://127.0.0.1:1",
        "waiting for: index, release",
    ),
    (
        "ranking",
        "DISCOVERY__CONSUL",
        "http://127.0.0.1:1",
        "waiting for: model, release",
    ),
    (
        "pricing",
        "DISCOVERY__CONSUL",
        "http://127.0.0.1:1",
        "waiting for: prices, release",
    ),
    (
        "gateway",
        "DISCOVERY__CONSUL",
        "http://127.0.0.1:1",
        "waiting for: release",
    ),
    // It needs no other process: it serves, and registers once there is a Consul.
    (
        "control",
        "DISCOVERY__CONSUL",
        "http://127.0.0.1:1",
        "200 OK",
    ),
];

#[test]
fn what_is_absent_at_the_start_is_waited_for_and_named() {
    with(async |fixture| {
        tokio::task::block_in_place(|| {
            for (service, key, value, says) in WAITING {
                let instance = fixture
                    .cluster
                    .start_with(service, 9, &[(*key, *value)])
                    .unwrap();
                instance
                    .until_reports(says)
                    .unwrap_or_else(|error| panic!("{service} with {key}={value}: {error}"));
                // A process that waits still stops when it is asked to.
                assert_eq!(
                    instance.stop().unwrap(),
                    Some(0),
                    "{service} with {key}={value}"
                );
                fixture.cluster.forget(&format!("{service}-9")).unwrap();
            }
        });
    });
}

/// Faults that waiting cannot mend: the process ends and names the key.
const ENDS: &[(&str, &str, &str, &str)] = &[
    ("profile", "REDIS__URL", "", "redis.url"),
    ("recall", "REDIS__URL", "http://x", "http://x"),
    ("ranking", "RANKING__THREADS", "0", "threads"),
    ("gateway", "EVENTS__KAFKA", "", "events.kafka"),
    ("stream", "EVENTS__KAFKA", "", "events.kafka"),
    ("control", "CONTROL__DATABASE", "mysql://x", "database"),
    (
        "pricing",
        "PRICING__SIGNING_KEYS_FILE",
        "/dev/null",
        "/dev/null",
    ),
    (
        "stream",
        "EVENTS__ORIGIN_KEYS_FILE",
        "/dev/null",
        "events.origin_keys_file",
    ),
    ("profile", "DISCOVERY__KIND", "guess", "discovery.kind"),
    ("profile", "TELEMETRY__OTLP", "nowhere", "nowhere"),
];

#[test]
fn what_cannot_be_waited_for_ends_the_process_with_the_key_to_mend() {
    with(async |fixture| {
        tokio::task::block_in_place(|| {
            for (service, key, value, names) in ENDS {
                let instance = fixture
                    .cluster
                    .start_with(service, 9, &[(*key, *value)])
                    .unwrap();
                assert_eq!(
                    instance.exit_code().unwrap(),
                    Some(1),
                    "{service} {key}={value}"
                );
                let said = instance.said();
                assert!(said.contains(names), "{service} {key}={value}: {said}");
                fixture.cluster.forget(&format!("{service}-9")).unwrap();
            }
        });
    });
}

#[test]
fn a_gateway_without_kafka_serves_and_makes_its_topics_once_it_is_there() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let control = fixture.cluster.instance("control-1").unwrap().address();
        let control = format!("[\"{control}\"]");
        let mut kafka = tokio::task::block_in_place(KafkaBroker::start).unwrap();
        kafka.kill9().unwrap();
        let bootstrap = kafka.bootstrap();
        let settings = [
            ("EVENTS__KAFKA", bootstrap.as_str()),
            ("DISCOVERY__KIND", "static"),
            ("DISCOVERY__SERVICES__CONTROL", control.as_str()),
        ];
        tokio::task::block_in_place(|| {
            let instance = fixture.cluster.start_with("gateway", 9, &settings).unwrap();
            instance.until_ready().unwrap();
            assert_eq!(total(instance.page(), "fairlead_ready", &[]), 1.0);
            kafka.restart().unwrap();
        });
        let log = KafkaEventLog::connect(KafkaOptions::new(bootstrap));
        let log = log.await.unwrap();
        let made = async {
            // As many partitions as the gateway is configured for: a topic that the broker creates
            // by itself has one.
            while log
                .end_offsets(topics::EVENTS)
                .await
                .map_or(0, |ends| ends.len())
                != 4
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, made).await.expect("made");
        log.close().await.unwrap();
        fixture.cluster.forget("gateway-9").unwrap();
    });
}
