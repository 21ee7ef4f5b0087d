//! What each process does when something is lost or slow: the table of docs/ARCHITECTURE.md, each
//! cell a case. Every test ends with whole answers again.

use std::time::Duration;

use fairlead_proto::control::v1::ListReleasesRequest;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::gateway::v1::TrackRequest;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_tests::cluster::{PATIENCE, total};
use tonic::{Code, Request, Status};

use super::{Furnished, degraded, with};

/// The time that an impatient caller gives; what is slow is slower.
const SHORT: Duration = Duration::from_secs(4);
const SLOW: Duration = Duration::from_secs(8);
const LONG: Duration = Duration::from_secs(20);

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

async fn releases(house: &Furnished) -> Result<usize, Status> {
    let link = house.cluster.link("control").expect("a link");
    let request = ListReleasesRequest {
        tenant: "demo".into(),
        limit: 0,
    };
    let mut request = Request::new(request);
    request.set_timeout(LONG);
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
        assert_eq!(degraded(&answer), ["profile (deadline)"]);
        assert!(!answer.items.is_empty());
        house.redis.set_delay(Duration::ZERO);
        house.until_whole().await;
    });
}

#[test]
fn kafka_lost_recommendations_go_on_and_events_are_refused() {
    with(async |house| {
        house.until_whole().await;
        house.cluster.servers.kafka.kill9().unwrap();
        let answer = house.recommend(&house.customer(), LONG).await.unwrap();
        assert!(degraded(&answer).is_empty() && answer.personalised);
        let refused = track(house, LONG)
            .await
            .expect_err("no log, no acknowledgement");
        let told = matches!(refused.code(), Code::Unavailable | Code::DeadlineExceeded);
        assert!(told, "{refused:?}");
        let page = house.cluster.instances["stream-1"].page();
        let before = total(page, "fairlead_stream_events_total", &[]);
        tokio::task::block_in_place(|| house.cluster.servers.kafka.restart()).unwrap();
        let taken = async {
            while track(house, LONG).await.is_err() {}
            while total(page, "fairlead_stream_events_total", &[]) <= before {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, taken)
            .await
            .expect("taken and applied again");
    });
}

#[test]
fn the_control_database_lost_what_is_live_stays_and_changes_are_refused() {
    with(async |house| {
        let before = releases(house).await.unwrap();
        house.cluster.servers.postgres.kill9().unwrap();
        house.until_whole().await;
        let refused = releases(house).await.expect_err("no database");
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(
            refused.message().contains("control database"),
            "{refused:?}"
        );
        tokio::task::block_in_place(|| house.cluster.servers.postgres.restart()).unwrap();
        let back = async {
            while releases(house).await.ok() != Some(before) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, back)
            .await
            .expect("back, with every release");
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
