//! What each process does when something is lost or slow: the table of docs/ARCHITECTURE.md, each
//! cell a case. Every test ends with whole answers again.

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

use super::{Furnished, degraded, with};

/// The time that an impatient caller gives; what is slow is slower.
const SHORT: Duration = Duration::from_secs(4);
const SLOW: Duration = Duration::from_secs(8);
const LONG: Duration = Duration::from_secs(20);

/// Tells of an event.
async fn track(house: &Furnished, limit: Duration) -> Result<(), Status> {
    let mut request = Request::new(TrackRequest {
        event: Some(Event {
            customer_id: house.customer(),
            kind: EventKind::AppOpened.into(),
            ..Event::default()
        }),
    });
    request.set_timeout(limit);
    let mut client = EventServiceClient::new(house.gateway.clone());
    client.track(request).await.map(drop)
}

/// Asks for a firm quote for what is shown first.
async fn quote(house: &Furnished, limit: Duration) -> Result<(), Status> {
    let shown = house.recommend(&house.customer(), limit).await?;
    let item = &shown.items[0];
    let price = item.price.as_ref().expect("what is shown has a price");
    let mut request = Request::new(QuoteRequest {
        customer_id: house.customer(),
        product_id: item.product_id.clone(),
        amount: price.amount.clone(),
        tenor_months: price.tenor_months,
        idempotency_key: shown.request_id,
        ..QuoteRequest::default()
    });
    request.set_timeout(limit);
    let mut client = QuoteServiceClient::new(house.gateway.clone());
    client.quote(request).await.map(drop)
}

async fn releases(house: &Furnished, limit: Duration) -> Result<usize, Status> {
    let link = house.cluster.link("control").expect("a link");
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

/// Asks until exactly these stages are degraded, for whatever cause.
async fn until_degraded(house: &Furnished, stages: &[&str]) -> Vec<String> {
    let customer = house.customer();
    let waiting = async {
        loop {
            let answer = house
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
    with(async |house| {
        house.until_whole().await;
        house.cluster.servers.redis.kill9().unwrap();
        let said = until_degraded(house, &["profile"]).await;
        assert!(said[0].starts_with("profile ("), "{said:?}");
        let answer = house.recommend(&house.customer(), LONG).await.unwrap();
        assert!(!answer.personalised, "{answer:?}");
        assert!(
            !answer.items.is_empty(),
            "what was known of the customer is enough to show products: {answer:?}"
        );
        // The log still takes events; the stream applies them once there is a store again.
        let page = house.cluster.instances["stream-1"].page();
        let applied = || total(page, "fairlead_stream_events_total", &["applied"]);
        let before = applied();
        track(house, LONG).await.unwrap();
        tokio::task::block_in_place(|| house.cluster.servers.redis.restart()).unwrap();
        house.until_whole().await;
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
    with(async |house| {
        house.until_whole().await;
        house.redis.set_delay(SLOW);
        let answer = house.recommend(&house.customer(), SHORT).await;
        let answer = answer.expect("in time, without what is slow");
        // A connection may be made anew just then: that fails sooner than a call on it.
        let said = degraded(&answer);
        assert!(
            said == ["profile (deadline)"] || said == ["profile (unavailable)"],
            "{said:?}"
        );
        assert!(!answer.items.is_empty());
        house.redis.set_delay(Duration::ZERO);
        house.until_whole().await;
    });
}

/// Events and firm quotes are refused in time, recommendations are whole; gives the id of one.
async fn without_a_log(house: &Furnished, limit: Duration) -> String {
    let answer = house.recommend(&house.customer(), limit).await.unwrap();
    assert!(degraded(&answer).is_empty() && answer.personalised);
    let refusals = [
        ("an event", track(house, limit).await),
        ("a firm quote", quote(house, limit).await),
    ];
    for (what, refusal) in refusals {
        let status = refusal.expect_err("no log, no acknowledgement");
        let told = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
        assert!(told, "{what}: {status:?}");
    }
    answer.request_id
}

/// Waits until events and quotes are taken again, the stream applies what came, and what was decided
/// meanwhile is in the log.
async fn with_a_log_again(house: &Furnished, before: f64, decided: &str) {
    let page = house.cluster.instances["stream-1"].page();
    let taken = async {
        while track(house, LONG).await.is_err() {}
        while quote(house, LONG).await.is_err() {}
        while total(page, "fairlead_stream_events_total", &[]) <= before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let explain = || ExplainRequest {
            request_id: decided.to_owned(),
            ..ExplainRequest::default()
        };
        let mut client = RecommendServiceClient::new(house.gateway.clone());
        while client.explain(explain()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, taken)
        .await
        .expect("taken and applied again");
}

fn events_seen(house: &Furnished) -> f64 {
    let page = house.cluster.instances["stream-1"].page();
    total(page, "fairlead_stream_events_total", &[])
}

#[test]
fn kafka_lost_recommendations_go_on_events_and_firm_quotes_are_refused() {
    with(async |house| {
        house.until_whole().await;
        let before = events_seen(house);
        house.cluster.servers.kafka.kill9().unwrap();
        let decided = without_a_log(house, SHORT).await;
        tokio::task::block_in_place(|| house.cluster.servers.kafka.restart()).unwrap();
        with_a_log_again(house, before, &decided).await;
    });
}

#[test]
fn kafka_slow_recommendations_are_whole_and_the_deadline_of_the_rest_holds() {
    with(async |house| {
        house.until_whole().await;
        let before = events_seen(house);
        house.cluster.servers.kafka.proxy().set_delay(SLOW);
        let decided = without_a_log(house, SHORT).await;
        house
            .cluster
            .servers
            .kafka
            .proxy()
            .set_delay(Duration::ZERO);
        with_a_log_again(house, before, &decided).await;
    });
}

#[test]
fn the_control_database_slow_what_is_live_stays_and_the_deadline_holds() {
    with(async |house| {
        let before = releases(house, LONG).await.unwrap();
        house.postgres.set_delay(SLOW);
        house.until_whole().await;
        let asked = Instant::now();
        let refused = releases(house, SHORT).await.expect_err("too slow");
        let told = matches!(refused.code(), Code::Unavailable | Code::DeadlineExceeded);
        assert!(told, "{refused:?}");
        assert!(asked.elapsed() < SLOW, "{:?}", asked.elapsed());
        house.postgres.set_delay(Duration::ZERO);
        until_releases(house, before).await;
    });
}

/// Waits until the control plane answers again, with every release.
async fn until_releases(house: &Furnished, before: usize) {
    let back = async {
        while releases(house, LONG).await.ok() != Some(before) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back)
        .await
        .expect("back, with every release");
}

#[test]
fn the_control_database_lost_what_is_live_stays_and_changes_are_refused() {
    with(async |house| {
        let before = releases(house, LONG).await.unwrap();
        house.cluster.servers.postgres.kill9().unwrap();
        house.until_whole().await;
        let refused = releases(house, LONG).await.expect_err("no database");
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(
            refused.message().contains("control database"),
            "{refused:?}"
        );
        tokio::task::block_in_place(|| house.cluster.servers.postgres.restart()).unwrap();
        until_releases(house, before).await;
    });
}

#[test]
fn the_control_plane_lost_processes_serve_and_start_from_the_last_good_release() {
    with(async |house| {
        house.until_whole().await;
        for name in ["control-1", "control-2"] {
            house.cluster.instance(name).unwrap().kill9().unwrap();
        }
        house.until_whole().await;
        for name in [
            "profile-1",
            "recall-1",
            "ranking-1",
            "pricing-1",
            "gateway-1",
        ] {
            let instance = house.cluster.instance(name).unwrap();
            instance.kill9().unwrap();
            instance.start_again().unwrap();
            tokio::task::block_in_place(|| instance.until_ready()).unwrap();
        }
        house.until_whole().await;
        for name in ["control-1", "control-2"] {
            house.cluster.instance(name).unwrap().start_again().unwrap();
        }
        tokio::task::block_in_place(|| house.cluster.until_ready()).unwrap();
    });
}

/// Each service with what an answer says without it.
const STAGES: &[(&str, &[&str])] = &[
    ("profile", &["profile-1"]),
    ("recall", &["recall-1"]),
    ("ranking", &["ranking-1", "ranking-2"]),
    ("pricing", &["pricing-1"]),
];

#[test]
fn a_service_lost_its_stage_falls_back_and_the_answer_says_so() {
    with(async |house| {
        for (stage, instances) in STAGES {
            house.until_whole().await;
            for name in *instances {
                house.cluster.instance(name).unwrap().kill9().unwrap();
            }
            // Without a profile nobody is ranked: the order of everyone has no scores.
            let said = until_degraded(house, &[stage]).await;
            assert_eq!(said, [format!("{stage} (unavailable)")]);
            for name in *instances {
                let instance = house.cluster.instance(name).unwrap();
                instance.start_again().unwrap();
                tokio::task::block_in_place(|| instance.until_ready()).unwrap();
            }
        }
        house.until_whole().await;
    });
}

#[test]
fn a_service_that_hangs_the_deadline_holds_and_the_answer_says_so() {
    with(async |house| {
        for (stage, instances) in STAGES {
            house.until_whole().await;
            for name in *instances {
                house
                    .cluster
                    .instance(name)
                    .unwrap()
                    .signal("STOP")
                    .unwrap();
            }
            let answer = house.recommend(&house.customer(), SHORT).await;
            let answer = answer.unwrap_or_else(|status| panic!("{stage}: {status:?}"));
            for name in *instances {
                house
                    .cluster
                    .instance(name)
                    .unwrap()
                    .signal("CONT")
                    .unwrap();
            }
            assert_eq!(degraded(&answer), [format!("{stage} (deadline)")]);
        }
        house.until_whole().await;
    });
}

#[test]
fn the_stream_lost_events_wait_and_are_applied_once_it_is_back() {
    with(async |house| {
        house.until_whole().await;
        house.cluster.instance("stream-1").unwrap().kill9().unwrap();
        for _ in 0..10 {
            track(house, LONG).await.unwrap();
        }
        house.until_whole().await;
        let instance = house.cluster.instance("stream-1").unwrap();
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
