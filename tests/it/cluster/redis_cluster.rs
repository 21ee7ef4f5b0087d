//! Processes on a Redis Cluster give the same answers, from the same events of the log.

use std::time::Duration;

use fairlead_testkit::RedisCluster;

use super::equality::{ask, caught_up, now_ms, within_a_minute};
use super::{ClusterFixture, with};

const ASKED: usize = 60;
/// The services that run on the Redis Cluster beside those on one Redis server.
const BESIDE: &[&str] = &["profile", "recall", "ranking", "pricing"];

/// Starts a process on the Redis Cluster. It finds the others by address and is not in Consul.
fn start(fixture: &mut ClusterFixture, service: &'static str, settings: &[(String, String)]) {
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let instance = fixture.cluster.start_with(service, 9, &settings);
    instance.unwrap().until_ready().unwrap();
}

#[test]
fn a_redis_cluster_gives_the_very_same_slates() {
    with(async |fixture| {
        let redis = RedisCluster::shared().expect("a Redis Cluster");
        let at = |fixture: &ClusterFixture, name: &str| {
            let address = fixture.cluster.instances[name].address();
            format!("[\"{address}\"]")
        };
        let mut settings = vec![
            ("REDIS__URL".to_owned(), redis.url()),
            // A consumer group of its own reads every event from the first.
            ("STREAM__GROUP".to_owned(), "on-a-cluster".to_owned()),
            ("DISCOVERY__KIND".to_owned(), "static".to_owned()),
            (
                "DISCOVERY__SERVICES__CONTROL".to_owned(),
                at(fixture, "control-1"),
            ),
        ];
        tokio::task::block_in_place(|| {
            start(fixture, "stream", &settings);
            for service in BESIDE {
                start(fixture, service, &settings);
                let key = format!("DISCOVERY__SERVICES__{}", service.to_uppercase());
                settings.push((key, at(fixture, &format!("{service}-9"))));
            }
            start(fixture, "gateway", &settings);
        });
        let on_cluster = fixture.cluster.link_to("gateway-9").expect("a link");

        caught_up(fixture, "stream-9").await;
        // Recall and ranking read product counters once a second (`REFRESH_MS`).
        tokio::time::sleep(Duration::from_secs(3)).await;
        let as_of_ms = now_ms() as i64;
        let mut personalised = 0;
        for customer in fixture.reference.customers.iter().take(ASKED) {
            within_a_minute().await;
            let one = &fixture.reference.server.gateway;
            let expected = ask(one, customer, as_of_ms).await;
            let found = ask(&on_cluster, customer, as_of_ms).await;
            assert_eq!(
                expected,
                found,
                "{customer}\none server: {}\nRedis Cluster: {}",
                serde_json::to_string(&expected).expect("json"),
                serde_json::to_string(&found).expect("json"),
            );
            assert!(found.degraded.is_empty() && !found.items.is_empty());
            personalised += usize::from(found.personalised);
        }
        assert!(personalised > ASKED / 2, "{personalised} personalised");
        for service in ["stream", "gateway"].iter().chain(BESIDE) {
            fixture.cluster.forget(&format!("{service}-9")).unwrap();
        }
    });
}
