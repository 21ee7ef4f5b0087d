//! Starting without what a process needs: it waits and says so, serves degraded, or ends with the
//! key to mend.

use fairlead_tests::cluster::total;

use super::with;

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

/// What `/ready` or the log says of a process that waits.
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
    // No Consul, no control plane, and no release kept from before.
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
];

#[test]
fn what_is_absent_at_the_start_is_waited_for_and_named() {
    with(async |house| {
        tokio::task::block_in_place(|| {
            for (service, key, value, says) in WAITING {
                let instance = house
                    .cluster
                    .start_with(service, 9, &[(*key, *value)])
                    .unwrap();
                instance
                    .until_says(says)
                    .unwrap_or_else(|error| panic!("{service} with {key}={value}: {error}"));
                // Waiting is no reason not to stop when asked.
                assert_eq!(
                    instance.stop().unwrap(),
                    Some(0),
                    "{service} with {key}={value}"
                );
                house.cluster.forget(&format!("{service}-9")).unwrap();
            }
        });
    });
}

/// What cannot be waited for: the process ends and names the key.
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
    ("profile", "DISCOVERY__KIND", "guess", "discovery.kind"),
    ("profile", "TELEMETRY__OTLP", "nowhere", "nowhere"),
];

#[test]
fn what_cannot_be_waited_for_ends_the_process_with_the_key_to_mend() {
    with(async |house| {
        tokio::task::block_in_place(|| {
            for (service, key, value, names) in ENDS {
                let instance = house
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
                house.cluster.forget(&format!("{service}-9")).unwrap();
            }
        });
    });
}

#[test]
fn a_gateway_without_kafka_serves_and_waits_for_its_topics() {
    with(async |house| {
        house.until_whole().await;
        let settings = [("EVENTS__KAFKA", NOWHERE), ("DISCOVERY__KIND", "static")];
        let control = house.cluster.instance("control-1").unwrap().address();
        let control = format!("[\"{control}\"]");
        let mut settings = settings.to_vec();
        settings.push(("DISCOVERY__SERVICES__CONTROL", control.as_str()));
        tokio::task::block_in_place(|| {
            let instance = house.cluster.start_with("gateway", 9, &settings).unwrap();
            instance.until_ready().unwrap();
            instance.until_says("event log away").unwrap();
            assert_eq!(total(instance.page(), "fairlead_ready", &[]), 1.0);
            house.cluster.forget("gateway-9").unwrap();
        });
    });
}
