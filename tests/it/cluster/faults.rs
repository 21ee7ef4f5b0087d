//! The behaviour of each process when a dependency is lost or slow: the table of
//! docs/ARCHITECTURE.md, with a case per cell. Every test ends with undegraded answers.

use std::time::{Duration, Instant};

use fairlead_proto::control::v1::ListReleasesRequest;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{ExplainRequest, QuoteRequest, TrackRequest};
use fairlead_tests::cluster::{PATIENCE, total};
use tonic::{Code, Request, Status};

use super::{ClusterFixture, degraded, with};

/// A short deadline; a slow dependency takes longer.
const SHORT: Duration = Duration::from_secs(4);
const SLOW: Duration = Duration::from_secs(8);
const LONG: Duration = Duration::from_secs(20);

/// Sends an event.
async fn track(fixture: &ClusterFixture, limit: Duration) -> Result<(), Status> {
    let mut request = Request::new(TrackRequest {
        event: Some(Event {
            customer_id: fixture.customer(),
            kind: EventKind::AppOpened.into(),
            ..Event::default()
        }),
    });
    request.set_timeout(limit);
    let mut client = EventServiceClient::new(fixture.gateway.clone());
    client.track(request).await.map(drop)
}

/// Requests a firm quote for the first product on a slate.
async fn quote(fixture: &ClusterFixture, limit: Duration) -> Result<(), Status> {
    let shown = fixture.recommend(&fixture.customer(), limit).await?;
    let item = &shown.items[0];
    let price = item.price.as_ref().expect("what is shown has a price");
    let mut request = Request::new(QuoteRequest {
        customer_id: fixture.customer(),
        product_id: item.product_id.clone(),
        amount: price.amount.clone(),
        tenor_months: price.tenor_months,
        idempotency_key: shown.request_id,
        ..QuoteRequest::default()
    });
    request.set_timeout(limit);
    let mut client = QuoteServiceClient::new(fixture.gateway.clone());
    client.quote(request).await.map(drop)
}

async fn releases(fixture: &ClusterFixture, limit: Duration) -> Result<usize, Status> {
    let link = fixture.cluster.control().expect("a link");
    let request = ListReleasesRequest {
        tenant: "demo".into(),
        limit: 0,
    };
    let mut request = Request::new(request);
    request.set_timeout(limit);
    let answer = ReleaseServiceClient::new(link)
        .list_releases(request)
        .await?;
    Ok(answer.into_inner().releases.len())
}

/// Requests recommendations until exactly these stages are degraded, for whatever cause.
async fn until_degraded(fixture: &ClusterFixture, stages: &[&str]) -> Vec<String> {
    let customer = fixture.customer();
    let waiting = async {
        loop {
            let answer = fixture
                .recommend(&customer, LONG)
                .await
                .expect("an answer, whatever is lost");
            let named: Vec<&str> = answer
                .degraded
                .iter()
                .map(|one| one.stage.as_str())
                .collect();
            if named == stages {
                return degraded(&answer);
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("degraded as the table says")
}

#[test]
fn redis_lost_the_answer_is_anonymous_and_says_so() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        fixture.cluster.servers.redis.kill9().unwrap();
        let said = until_degraded(fixture, &["profile"]).await;
        assert!(said[0].starts_with("profile ("), "{said:?}");
        let answer = fixture.recommend(&fixture.customer(), LONG).await.unwrap();
        assert!(!answer.personalised, "{answer:?}");
        assert!(
            !answer.items.is_empty(),
            "what was known of the customer is enough to show products: {answer:?}"
        );
        // The log still takes events; the stream applies them once the store is back.
        let page = fixture.cluster.instances["stream-1"].page();
        let applied = || total(page, "fairlead_stream_events_total", &["applied"]);
        let before = applied();
        track(fixture, LONG).await.unwrap();
        tokio::task::block_in_place(|| fixture.cluster.servers.redis.restart()).unwrap();
        fixture.until_undegraded().await;
        let waited = async {
            while applied() <= before {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waited)
            .await
            .expect("applied");
    });
}

#[test]
fn redis_slow_the_deadline_holds_and_the_answer_says_so() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        fixture.redis.set_delay(SLOW);
        let answer = fixture.recommend(&fixture.customer(), SHORT).await;
        let answer = answer.expect("in time, without what is slow");
        // A connection may be in the making just then: that fails sooner than a call on it.
        let said = degraded(&answer);
        assert!(
            said == ["profile (deadline)"] || said == ["profile (unavailable)"],
            "{said:?}"
        );
        assert!(!answer.items.is_empty());
        fixture.redis.set_delay(Duration::ZERO);
        fixture.until_undegraded().await;
    });
}

/// Checks that events and firm quotes are refused in time and recommendations are undegraded.
/// Returns the id of one of these.
async fn without_a_log(fixture: &ClusterFixture, limit: Duration) -> String {
    let answer = fixture.recommend(&fixture.customer(), limit).await.unwrap();
    assert!(degraded(&answer).is_empty() && answer.personalised);
    let refusals = [
        ("an event", track(fixture, limit).await),
        ("a firm quote", quote(fixture, limit).await),
    ];
    for (what, refusal) in refusals {
        let status = refusal.expect_err("no log, no acknowledgement");
        let told = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
        assert!(told, "{what}: {status:?}");
    }
    answer.request_id
}

/// Waits until events and quotes are accepted again, the stream applies the events, and the
/// decision made meanwhile is in the log.
async fn with_a_log_again(fixture: &ClusterFixture, before: f64, decided: &str) {
    let page = fixture.cluster.instances["stream-1"].page();
    let taken = async {
        while track(fixture, LONG).await.is_err() {}
        while quote(fixture, LONG).await.is_err() {}
        while total(page, "fairlead_stream_events_total", &[]) <= before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let explain = || ExplainRequest {
            request_id: decided.to_owned(),
            ..ExplainRequest::default()
        };
        let mut client = RecommendServiceClient::new(fixture.gateway.clone());
        while client.explain(explain()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken)
        .await
        .expect("taken and applied again");
}

fn events_seen(fixture: &ClusterFixture) -> f64 {
    let page = fixture.cluster.instances["stream-1"].page();
    total(page, "fairlead_stream_events_total", &[])
}

#[test]
fn kafka_lost_recommendations_go_on_events_and_firm_quotes_are_refused() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let before = events_seen(fixture);
        fixture.cluster.servers.kafka.kill9().unwrap();
        let decided = without_a_log(fixture, SHORT).await;
        tokio::task::block_in_place(|| fixture.cluster.servers.kafka.restart()).unwrap();
        with_a_log_again(fixture, before, &decided).await;
    });
}

#[test]
fn kafka_slow_recommendations_are_whole_and_the_deadline_of_the_rest_holds() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        let before = events_seen(fixture);
        fixture.cluster.servers.kafka.proxy().set_delay(SLOW);
        let decided = without_a_log(fixture, SHORT).await;
        fixture
            .cluster
            .servers
            .kafka
            .proxy()
            .set_delay(Duration::ZERO);
        with_a_log_again(fixture, before, &decided).await;
    });
}

#[test]
fn the_control_database_slow_what_is_live_stays_and_the_deadline_holds() {
    with(async |fixture| {
        let before = releases(fixture, LONG).await.unwrap();
        fixture.postgres.set_delay(SLOW);
        fixture.until_undegraded().await;
        let asked = Instant::now();
        let refused = releases(fixture, SHORT).await.expect_err("too slow");
        let told = matches!(refused.code(), Code::Unavailable | Code::DeadlineExceeded);
        assert!(told, "{refused:?}");
        assert!(asked.elapsed() < SLOW, "{:?}", asked.elapsed());
        fixture.postgres.set_delay(Duration::ZERO);
        until_releases(fixture, before).await;
    });
}

/// Waits until the control plane answers again, with every release.
async fn until_releases(fixture: &ClusterFixture, before: usize) {
    let back = async {
        while releases(fixture, LONG).await.ok() != Some(before) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back)
        .await
        .expect("back, with every release");
}

#[test]
fn the_control_database_lost_what_is_live_stays_and_changes_are_refused() {
    with(async |fixture| {
        let before = releases(fixture, LONG).await.unwrap();
        fixture.cluster.servers.postgres.kill9().unwrap();
        fixture.until_undegraded().await;
        let refused = releases(fixture, LONG).await.expect_err("no database");
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(
            refused.message().contains("control database"),
            "{refused:?}"
        );
        tokio::task::block_in_place(|| fixture.cluster.servers.postgres.restart()).unwrap();
        until_releases(fixture, before).await;
    });
}

#[test]
fn the_control_plane_lost_processes_serve_and_start_from_the_last_good_release() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        for name in ["control-1", "control-2"] {
            fixture.cluster.instance(name).unwrap().kill9().unwrap();
        }
        fixture.until_undegraded().await;
        for name in [
            "profile-1",
            "recall-1",
            "ranking-1",
            "pricing-1",
            "gateway-1",
        ] {
            let instance = fixture.cluster.instance(name).unwrap();
            instance.kill9().unwrap();
            instance.start_again().unwrap();
            tokio::task::block_in_place(|| instance.until_ready()).unwrap();
        }
        fixture.until_undegraded().await;
        for name in ["control-1", "control-2"] {
            fixture
                .cluster
                .instance(name)
                .unwrap()
                .start_again()
                .unwrap();
        }
        tokio::task::block_in_place(|| fixture.cluster.until_ready()).unwrap();
    });
}

/// Each service with the stages that an answer reports as degraded without it.
const STAGES: &[(&str, &[&str])] = &[
    ("profile", &["profile-1"]),
    ("recall", &["recall-1"]),
    ("ranking", &["ranking-1", "ranking-2"]),
    ("pricing", &["pricing-1"]),
];

#[test]
fn a_service_lost_its_stage_falls_back_and_the_answer_says_so() {
    with(async |fixture| {
        for (stage, instances) in STAGES {
            fixture.until_undegraded().await;
            for name in *instances {
                fixture.cluster.instance(name).unwrap().kill9().unwrap();
            }
            // Without a profile there is no ranking: the non-personalised order has no scores.
            let said = until_degraded(fixture, &[stage]).await;
            assert_eq!(said, [format!("{stage} (unavailable)")]);
            for name in *instances {
                let instance = fixture.cluster.instance(name).unwrap();
                instance.start_again().unwrap();
                tokio::task::block_in_place(|| instance.until_ready()).unwrap();
            }
        }
        fixture.until_undegraded().await;
    });
}

#[test]
fn a_service_that_hangs_the_deadline_holds_and_the_answer_says_so() {
    with(async |fixture| {
        for (stage, instances) in STAGES {
            fixture.until_undegraded().await;
            for name in *instances {
                fixture
                    .cluster
                    .instance(name)
                    .unwrap()
                    .signal("STOP")
                    .unwrap();
            }
            let answer = fixture.recommend(&fixture.customer(), SHORT).await;
            let answer = answer.unwrap_or_else(|status| panic!("{stage}: {status:?}"));
            for name in *instances {
                fixture
                    .cluster
                    .instance(name)
                    .unwrap()
                    .signal("CONT")
                    .unwrap();
            }
            assert_eq!(degraded(&answer), [format!("{stage} (deadline)")]);
        }
        fixture.until_undegraded().await;
    });
}

#[test]
fn the_stream_lost_events_wait_and_are_applied_once_it_is_back() {
    with(async |fixture| {
        fixture.until_undegraded().await;
        fixture
            .cluster
            .instance("stream-1")
            .unwrap()
            .kill9()
            .unwrap();
        for _ in 0..10 {
            track(fixture, LONG).await.unwrap();
        }
        fixture.until_undegraded().await;
        let instance = fixture.cluster.instance("stream-1").unwrap();
        instance.start_again().unwrap();
        tokio::task::block_in_place(|| instance.until_ready()).unwrap();
        let page = instance.page();
        let applied = async {
            while total(page, "fairlead_stream_events_total", &["applied"]) < 10.0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, applied)
            .await
            .expect("applied");
    });
}
