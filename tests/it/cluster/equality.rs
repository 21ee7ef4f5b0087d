//! The cluster and the same services in one process give the same answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fairlead_chassis::link::Link;
use fairlead_gateway::topics;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{RecommendRequest, RecommendResponse};
use fairlead_tests::cluster::{PATIENCE, total};
use prost::Message as _;

use super::{ClusterFixture, with};

const ASKED: usize = 200;

pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the end of time")
}

/// Waits for a time far from a minute's end. Product features are as of the last full minute, and
/// each instance takes up a new minute at its next refresh, a second later at most.
pub(super) async fn within_a_minute() {
    let into = now_ms() % 60_000;
    let wait = match into {
        0..5_000 => 5_000 - into,
        55_000.. => 65_000 - into,
        _ => 0,
    };
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

/// Waits until the reference and a stream of the cluster have applied every event that is in the
/// log.
pub(super) async fn caught_up(fixture: &ClusterFixture, stream: &str) {
    let reference = &fixture.reference.server;
    reference.caught_up().await.expect("caught up");
    let ends = fixture
        .reference
        .server
        .log
        .end_offsets(topics::EVENTS)
        .await;
    let all: i64 = ends.expect("ends").iter().map(|end| end.offset).sum();
    let page = fixture.cluster.instances[stream].page();
    let done = async {
        while total(page, "fairlead_stream_events_total", &[]) < all as f64 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done)
        .await
        .expect("the stream catches up");
}

/// Requests a slate and returns it without what differs between two answers: its own id, its time.
pub(super) async fn ask(link: &Link, customer: &str, as_of_ms: i64) -> RecommendResponse {
    let request = RecommendRequest {
        customer_id: customer.to_owned(),
        slate_size: 10,
        as_of_ms,
        ..RecommendRequest::default()
    };
    let mut client = RecommendServiceClient::new(link.clone());
    let answer = client
        .recommend(request)
        .await
        .expect("an answer")
        .into_inner();
    RecommendResponse {
        latency_ms: 0.0,
        request_id: String::new(),
        ..answer
    }
}

#[test]
fn two_hundred_customers_get_the_very_same_slates() {
    with(async |fixture| {
        caught_up(fixture, "stream-1").await;
        fixture.until_undegraded().await;
        let as_of_ms = now_ms() as i64;
        let (one, many) = (
            fixture.reference.server.gateway.clone(),
            fixture.gateway.clone(),
        );
        let mut personalised = 0;
        for customer in fixture.reference.customers.iter().take(ASKED) {
            within_a_minute().await;
            let expected = ask(&one, customer, as_of_ms).await;
            let found = ask(&many, customer, as_of_ms).await;
            assert!(expected.degraded.is_empty(), "{:?}", expected.degraded);
            assert_eq!(
                expected.encode_to_vec(),
                found.encode_to_vec(),
                "{customer}\none process: {}\ncluster: {}",
                serde_json::to_string(&expected).expect("json"),
                serde_json::to_string(&found).expect("json"),
            );
            assert!(!found.items.is_empty());
            personalised += usize::from(found.personalised);
        }
        // With customers who have not consented, equality would be trivial.
        assert!(personalised > ASKED / 2, "{personalised} personalised");
    });
}
