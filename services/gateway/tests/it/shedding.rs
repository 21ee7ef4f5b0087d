//! Overload: what is above a limit is refused or shed at once, and counted.

use std::sync::OnceLock;

use fairlead_gateway::Config;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinSet;

use crate::http_client::HttpCall;
use crate::log_valve::Valve;
use crate::setup::{Setup, config, config_with_keys};
use crate::slates::request;

/// The metrics of this process.
fn metrics() -> &'static PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| {
        let recorder = PrometheusBuilder::new().install_recorder();
        recorder.expect("no other recorder")
    })
}

/// Decision records with this outcome so far.
fn decision_records(outcome: &str) -> u64 {
    let prefix = format!("fairlead_decision_records_total{{outcome=\"{outcome}\"}} ");
    let page = metrics().render();
    let line = page.lines().find_map(|line| line.strip_prefix(&prefix));
    line.map_or(0, |value| value.parse().expect("a count"))
}

#[tokio::test]
async fn load_above_a_keys_rate_is_refused_before_any_service_is_asked() {
    let setup = Setup::start_with(config_with_keys(&[("app", "acme", 5)])).await;
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        let call = HttpCall::get("/v1/customers/c-1/profile").with_key("app");
        calls.spawn(call.send(setup.address));
    }
    let answers = calls.join_all().await;
    let answered = answers.iter().filter(|one| one.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|one| one.status == 429).collect();
    assert_eq!(answered + refused.len(), 100);
    assert!(answered >= 5 && !refused.is_empty(), "{answered} answered");
    assert_eq!(setup.stubs.get_profile.calls().len(), answered);
    for one in refused {
        assert_eq!(one.json()["error"]["code"], "ResourceExhausted");
    }
}

#[tokio::test]
async fn decision_records_that_the_buffer_cannot_hold_are_shed_and_counted() {
    metrics();
    let one_waits = Config {
        log_buffer: 1,
        ..config()
    };
    let setup = Setup::start_with(one_waits).await;
    setup.log.set(Valve::Shut);
    let shed_before = decision_records("shed");
    let mut client = setup.recommendations();
    for number in 0..5 {
        let answer = client.recommend(request("c-1")).await.expect("a slate");
        assert_eq!(answer.into_inner().items.len(), 3, "slate {number}");
    }
    // One record is with the writer at most, one waits.
    let shed = decision_records("shed") - shed_before;
    assert!((3..=4).contains(&shed), "{shed} shed");
    setup.log.set(Valve::Open);
    drop(client);
    let (log, _folder) = setup.flush().await;
    let records = log.records(fairlead_gateway::topics::DECISIONS).await;
    assert_eq!(records.len() as u64, 5 - shed, "the others are in the log");
}

#[tokio::test]
async fn decision_records_wait_for_a_log_that_is_away() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Away);
    let mut client = setup.recommendations();
    for _ in 0..3 {
        client.recommend(request("c-1")).await.expect("a slate");
    }
    assert!(setup.decisions().await.is_empty());
    setup.log.set(Valve::Open);
    let all = async { while setup.decisions().await.len() < 3 {} };
    tokio::time::timeout(crate::setup::PATIENCE, all)
        .await
        .expect("written once the log is back");
}
