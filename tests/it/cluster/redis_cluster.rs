//! The same processes on a Redis Cluster: the same events from the log, the same answers.

use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_testkit::RedisCluster;

use super::equality::{ask, caught_up, now_ms, within_a_minute};
use super::{Furnished, with};

const ASKED: usize = 60;
/// What stands on the cluster beside the processes on one Redis server.
const BESIDE: &[&str] = &["profile", "recall", "ranking", "pricing"];

/// Starts a process on the Redis Cluster: it finds the others by address and is found by nobody else.
fn start(house: &mut Furnished, service: &'static str, settings: &[(String, String)]) {
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let instance = house.cluster.start_with(service, 9, &settings);
    instance.unwrap().until_ready().unwrap();
}

#[test]
fn a_house_on_a_redis_cluster_gives_the_very_same_slates() {
    with(async |house| {
        let redis = RedisCluster::shared().expect("a Redis Cluster");
        let at = |house: &Furnished, name: &str| {
            let address = house.cluster.instances[name].address();
            format!("[\"{address}\"]")
        };
        let mut settings = vec![
            ("REDIS__URL".to_owned(), redis.url()),
            // A group of its own reads every event from the first.
            ("STREAM__GROUP".to_owned(), "on-a-cluster".to_owned()),
            ("DISCOVERY__KIND".to_owned(), "static".to_owned()),
            (
                "DISCOVERY__SERVICES__CONTROL".to_owned(),
                at(house, "control-1"),
            ),
        ];
        tokio::task::block_in_place(|| {
            start(house, "stream", &settings);
            for service in BESIDE {
                start(house, service, &settings);
                let key = format!("DISCOVERY__SERVICES__{}", service.to_uppercase());
                settings.push((key, at(house, &format!("{service}-9"))));
            }
            start(house, "gateway", &settings);
        });
        let address = house.cluster.instances["gateway-9"].address();
        let on_cluster = Link::connect(&[address]).expect("a link");

        caught_up(house, "stream-9").await;
        // Recall and ranking read the products' counters once a second (`REFRESH_MS`).
        tokio::time::sleep(Duration::from_secs(3)).await;
        let as_of_ms = now_ms() as i64;
        let mut personalised = 0;
        for (number, customer) in house.reference.customers.iter().take(ASKED).enumerate() {
            within_a_minute().await;
            let one = &house.reference.running.gateway;
            let expected = ask(one, customer, number, as_of_ms).await;
            let found = ask(&on_cluster, customer, number, as_of_ms).await;
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
            house.cluster.forget(&format!("{service}-9")).unwrap();
        }
    });
}
