//! Two ranking instances under load: one dies, the other restarts, Consul loses its catalogue.

use fairlead_tests::cluster::{Load, PATIENCE, total};

use super::{ClusterFixture, with};

const RANK: &[&str] = &["RankingService/Rank"];

fn ranked(fixture: &ClusterFixture, instance: &str) -> f64 {
    total(
        fixture.cluster.instances[instance].page(),
        "fairlead_rpc_total",
        RANK,
    )
}

/// Waits until Consul lists `count` healthy instances of ranking.
async fn named(fixture: &ClusterFixture, count: usize) {
    let consul = &fixture.cluster.servers.consul;
    let waiting = async {
        while consul
            .passing("fairlead-ranking")
            .map_or(0, |ids| ids.len())
            != count
        {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("consul knows");
}

/// Restarts an instance of ranking, and waits until Consul lists two of them again.
async fn start_again(fixture: &mut ClusterFixture, name: &str) {
    let instance = fixture.cluster.instance(name).unwrap();
    instance.start_again().unwrap();
    tokio::task::block_in_place(|| fixture.cluster.until_ready()).unwrap();
    named(fixture, 2).await;
}

#[test]
fn an_instance_dies_one_restarts_and_consul_forgets_without_one_failed_request() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        named(fixture, 2).await;
        let load = Load::start(&fixture.gateway, &fixture.reference.customers, 4);
        load.more(200).await;
        let before = [ranked(fixture, "ranking-1"), ranked(fixture, "ranking-2")];
        assert!(
            before.iter().all(|served| *served > 20.0),
            "both serve: {before:?}"
        );

        fixture
            .cluster
            .instance("ranking-1")
            .unwrap()
            .kill9()
            .unwrap();
        load.more(200).await;
        named(fixture, 1).await;
        start_again(fixture, "ranking-1").await;
        load.more(200).await;
        let again = ranked(fixture, "ranking-1");
        assert!(again > 20.0, "it serves again: {again}");

        let code =
            tokio::task::block_in_place(|| fixture.cluster.instance("ranking-2").unwrap().stop());
        assert_eq!(code.unwrap(), Some(0), "it drains");
        named(fixture, 1).await;
        start_again(fixture, "ranking-2").await;

        fixture.cluster.servers.consul.kill9().unwrap();
        load.more(200).await;
        tokio::task::block_in_place(|| fixture.cluster.servers.consul.restart()).unwrap();
        named(fixture, 2).await;
        load.more(200).await;

        let tally = load.stop().await;
        let after = [ranked(fixture, "ranking-1"), ranked(fixture, "ranking-2")];
        println!(
            "{} requests, {} failed, degraded {:?}; served before {before:?}, since the restarts {after:?}",
            tally.requests,
            tally.failed.len(),
            tally.degraded,
        );
        assert!(tally.failed.is_empty(), "{:?}", tally.failed);
        assert!(
            tally.degraded.is_empty(),
            "a retry stands in: {:?}",
            tally.degraded
        );
        assert!(
            after.iter().all(|served| *served > 20.0),
            "both serve again: {after:?}"
        );
    });
}

#[test]
fn an_outage_of_the_registry_is_said_and_changes_nothing() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let page = fixture.cluster.instances["gateway-1"].page();
        let up = || total(page, "fairlead_discovery_up", &["ranking"]);
        fixture.cluster.servers.consul.kill9().unwrap();
        let said = async {
            while up() > 0.0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, said)
            .await
            .expect("the metric says it");
        fixture.until_undegraded().await;
        assert_eq!(
            total(page, "fairlead_discovery_instances", &["ranking"]),
            2.0
        );
        tokio::task::block_in_place(|| fixture.cluster.servers.consul.restart()).unwrap();
        let back = async {
            while up() < 1.0 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, back)
            .await
            .expect("and that it is over");
        named(fixture, 2).await;
    });
}
