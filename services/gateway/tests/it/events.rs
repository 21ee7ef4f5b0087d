//! Events: filled in, checked, and answered once the log has them.

use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::gateway::v1::{TrackManyRequest, TrackManyResponse, TrackRequest};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::log_valve::Valve;
use crate::releases::NOW_MS;
use crate::setup::{PATIENCE, Setup};

pub(crate) fn opened(customer_id: &str) -> Event {
    Event {
        customer_id: customer_id.to_owned(),
        kind: EventKind::AppOpened.into(),
        ..Event::default()
    }
}

fn click(product_id: &str) -> Event {
    Event {
        kind: EventKind::Click.into(),
        product_id: product_id.to_owned(),
        ..opened("c-1")
    }
}

async fn track_many(setup: &Setup, events: Vec<Event>) -> Result<TrackManyResponse, Status> {
    let answer = setup
        .events()
        .track_many(TrackManyRequest {
            events,
            ..TrackManyRequest::default()
        })
        .await;
    Ok(answer?.into_inner())
}

#[tokio::test]
async fn what_a_phone_leaves_out_is_filled_in() {
    let setup = Setup::start().await;
    let event = Some(click("fund-1"));
    let answer = setup.events().track(TrackRequest { event }).await;
    let answer = answer.expect("taken").into_inner();
    let logged = setup.logged_events().await;
    let [event] = logged.as_slice() else {
        panic!("{logged:?}");
    };
    assert_eq!(event.event_id, answer.event_id);
    assert!(!event.event_id.is_empty());
    assert_eq!(event.tenant, "acme");
    assert_eq!(event.event_time_ms, NOW_MS);
    assert_eq!(event.product_kind(), ProductKind::Fund);
}

#[tokio::test]
async fn what_an_event_says_itself_stays() {
    let setup = Setup::start().await;
    let said = Event {
        event_id: "e-1".to_owned(),
        tenant: "acme".to_owned(),
        event_time_ms: NOW_MS - 1_000,
        product_kind: ProductKind::Deposit.into(),
        request_id: "r-1".to_owned(),
        position: 3,
        channel: "web".to_owned(),
        ..click("not-in-the-release")
    };
    let event = Some(said.clone());
    let answer = setup.events().track(TrackRequest { event }).await;
    assert_eq!(answer.expect("taken").into_inner().event_id, "e-1");
    assert_eq!(setup.logged_events().await, [said]);
}

#[tokio::test]
async fn one_customers_events_stay_in_order_in_one_partition() {
    let setup = Setup::start().await;
    let mut places = Vec::new();
    for _ in 0..5 {
        let event = Some(opened("c-1"));
        let answer = setup.events().track(TrackRequest { event }).await;
        let answer = answer.expect("taken").into_inner();
        places.push((answer.partition, answer.offset));
    }
    let partition = places[0].0;
    let expected: Vec<_> = (0..5).map(|offset| (partition, offset)).collect();
    assert_eq!(places, expected);
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_is_refused_with_its_field() {
    let setup = Setup::start().await;
    let day_ms = 86_400_000;
    let table = [
        (None, "event is missing"),
        (
            Some(Event {
                customer_id: String::new(),
                ..opened("c")
            }),
            "customer_id",
        ),
        (
            Some(Event {
                kind: 0,
                ..opened("c")
            }),
            "kind",
        ),
        (
            Some(Event {
                tenant: "a b".to_owned(),
                ..opened("c")
            }),
            "tenant `a b`",
        ),
        (
            Some(Event {
                event_time_ms: NOW_MS + day_ms,
                ..opened("c")
            }),
            "event_time_ms",
        ),
        (
            Some(Event {
                event_time_ms: NOW_MS - 400 * day_ms,
                ..opened("c")
            }),
            "event_time_ms",
        ),
        (
            Some(Event {
                event_id: "x".repeat(65),
                ..opened("c")
            }),
            "event_id",
        ),
        (Some(click("")), "product_id"),
    ];
    for (event, named) in table {
        let refused = setup.events().track(TrackRequest { event }).await;
        let refused = refused.expect_err(named);
        assert_eq!(
            refused.code(),
            Code::InvalidArgument,
            "{named}: {refused:?}"
        );
        assert!(refused.message().contains(named), "{named}: {refused:?}");
    }
    assert!(setup.logged_events().await.is_empty());
}

#[tokio::test]
async fn each_event_of_a_batch_is_judged_alone() {
    let setup = Setup::start().await;
    let events = vec![opened("c-1"), click(""), opened("c-2"), opened("")];
    let answer = track_many(&setup, events).await.expect("an answer");
    assert_eq!(answer.accepted, 2);
    let rejected: Vec<i32> = answer.rejected.iter().map(|one| one.index).collect();
    assert_eq!(rejected, [1, 3]);
    assert!(
        answer.rejected[0].cause.contains("product_id"),
        "{answer:?}"
    );
    assert!(
        answer.rejected[1].cause.contains("customer_id"),
        "{answer:?}"
    );
    let mut logged: Vec<String> = setup
        .logged_events()
        .await
        .into_iter()
        .map(|event| event.customer_id)
        .collect();
    logged.sort();
    assert_eq!(logged, ["c-1", "c-2"]);
}

#[tokio::test]
async fn events_that_come_together_are_taken_together_or_not_at_all() {
    let setup = Setup::start().await;
    let together = |together: &[u32]| TrackManyRequest {
        events: vec![opened("c-1"), click(""), opened("c-2"), opened("c-3")],
        together: together.to_vec(),
    };
    let answer = setup.events().track_many(together(&[2, 2])).await;
    let answer = answer.expect("an answer").into_inner();
    assert_eq!(answer.accepted, 2);
    let rejected: Vec<i32> = answer.rejected.iter().map(|one| one.index).collect();
    assert_eq!(rejected, [0, 1], "c-1 is not taken without its click");
    let causes = answer.rejected.iter().map(|one| &one.cause);
    assert!(
        causes.clone().all(|cause| cause.contains("product_id")),
        "{answer:?}"
    );
    let logged = setup.logged_events().await.into_iter();
    let mut logged: Vec<String> = logged.map(|event| event.customer_id).collect();
    logged.sort();
    assert_eq!(logged, ["c-2", "c-3"]);
    for wrong in [&[2, 1][..], &[4, 0], &[5], &[u32::MAX, u32::MAX]] {
        let refused = setup.events().track_many(together(wrong)).await;
        let refused = refused.expect_err("no sum");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(
            refused.message().contains("4 events together"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_batch_has_1_to_10_000_events() {
    let setup = Setup::start().await;
    for events in [Vec::new(), vec![opened("c"); 10_001]] {
        let refused = track_many(&setup, events).await.expect_err("out of bounds");
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("1 to 10000"), "{refused:?}");
    }
    // A batch of which nothing is left is no reason to write.
    setup.log.set(Valve::Away);
    let answer = track_many(&setup, vec![opened("")]).await.expect("judged");
    assert_eq!((answer.accepted, answer.rejected.len()), (0, 1));
    setup.log.set(Valve::Open);
    let answer = track_many(&setup, vec![opened("c"); 10_000]).await;
    assert_eq!(answer.expect("taken").accepted, 10_000);
}

#[tokio::test]
async fn an_event_is_answered_only_when_the_log_has_it() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Shut);
    let mut client = setup.events();
    let mut tracking = JoinSet::new();
    let event = Some(opened("c-1"));
    tracking.spawn(async move { client.track(TrackRequest { event }).await.map(drop) });
    setup.log.until_held_up(1).await;
    assert!(tracking.try_join_next().is_none(), "not in the log yet");
    setup.log.set(Valve::Open);
    let answer = tokio::time::timeout(PATIENCE, tracking.join_next()).await;
    let answer = answer.expect("in time").expect("a task").expect("joined");
    answer.expect("taken");
    assert_eq!(setup.logged_events().await.len(), 1);
}

#[tokio::test]
async fn while_the_log_is_away_events_are_refused_and_may_be_sent_again() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Away);
    let event = || Some(opened("c-1"));
    let one = setup.events().track(TrackRequest { event: event() }).await;
    let many = track_many(&setup, vec![opened("c-1")]).await;
    for refused in [one.map(drop), many.map(drop)] {
        let refused = refused.expect_err("no log");
        assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
        assert!(refused.message().contains("try again"), "{refused:?}");
    }
    setup.log.set(Valve::Open);
    let again = setup.events().track(TrackRequest { event: event() }).await;
    again.expect("taken");
}
