//! End to end: events in, features, candidates, scores, prices, an answer, its record.

use std::collections::BTreeMap;
use std::time::Duration;

use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value::Value};
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{
    ExplainRequest, RecommendRequest, RecommendResponse, TrackRequest,
};
use fairlead_testkit::KafkaBroker;
use tonic::{Code, Status};

use crate::fixture::{Fixture, runtime, shared};

/// No test waits longer for what must happen.
const PATIENCE: Duration = Duration::from_mins(1);

async fn recommend(fixture: &Fixture, customer: &str, reference: &str) -> RecommendResponse {
    let mut client = RecommendServiceClient::new(fixture.server.gateway.clone());
    let request = RecommendRequest {
        customer_id: customer.to_owned(),
        client_reference: reference.to_owned(),
        slate_size: 8,
        ..RecommendRequest::default()
    };
    client
        .recommend(request)
        .await
        .expect("a slate")
        .into_inner()
}

async fn track(fixture: &Fixture, event: Event) {
    let mut client = EventServiceClient::new(fixture.server.gateway.clone());
    client
        .track(TrackRequest { event: Some(event) })
        .await
        .expect("tracked");
    fixture.server.caught_up().await.expect("visible");
}

/// Checks what holds of every answer when nothing is degraded.
fn assert_complete(answer: &RecommendResponse) {
    assert!(answer.degraded.is_empty(), "{:?}", answer.degraded);
    assert!(!answer.items.is_empty(), "an empty page");
    for (place, item) in answer.items.iter().enumerate() {
        assert_eq!(item.position as usize, place + 1);
        let price = item.price.as_ref().expect("every item has its price");
        assert_eq!(price.product_id, item.product_id);
        assert!(item.propensity > 0.0 && item.propensity <= 1.0);
        assert!(
            item.reasons.iter().any(|reason| reason.kind == "source"),
            "{item:?}"
        );
        if price.cap_ppm > 0 {
            assert!(price.all_in_ppm <= price.cap_ppm, "{price:?}");
        }
        let covered = price.rate_ppm == 0 || price.rate_ppm >= price.floor_ppm;
        assert!(covered, "{price:?}");
    }
}

#[test]
fn every_customer_gets_a_priced_and_explained_slate() {
    runtime().block_on(async {
        let fixture = shared().await;
        for customer in fixture.customers.iter().take(50) {
            assert_complete(&recommend(fixture, customer, "").await);
        }
    });
}

#[test]
fn every_answer_has_an_id_that_the_gateway_made_and_the_callers_reference() {
    runtime().block_on(async {
        let fixture = shared().await;
        let customer = &fixture.customers[7];
        let first = recommend(fixture, customer, "theirs-1").await;
        let second = recommend(fixture, customer, "theirs-1").await;
        assert_ne!(first.request_id, second.request_id);
        for answer in [&first, &second] {
            assert_eq!(answer.client_reference, "theirs-1");
            let record = explained(fixture, &answer.request_id).await;
            let record = record.expect("a record");
            assert_eq!(record.client_reference, "theirs-1");
        }
        let by_reference = explained(fixture, "theirs-1").await;
        assert_eq!(
            by_reference.expect_err("names nothing").code(),
            Code::NotFound
        );
    });
}

#[test]
fn the_record_of_an_answer_is_in_the_log() {
    runtime().block_on(async {
        let fixture = shared().await;
        let answer = recommend(fixture, &fixture.customers[3], "").await;
        let mut client = RecommendServiceClient::new(fixture.server.gateway.clone());
        let ask = ExplainRequest {
            request_id: answer.request_id.clone(),
            ..ExplainRequest::default()
        };
        let record = loop {
            // Records are written after the answer: ask until it is there.
            match client.explain(ask.clone()).await {
                Ok(found) => break found.into_inner().record.expect("a record"),
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
            }
            tokio::task::yield_now().await;
        };
        let shown: Vec<&String> = answer.items.iter().map(|item| &item.product_id).collect();
        assert_eq!(record.slate.iter().collect::<Vec<_>>(), shown);
        assert_eq!(record.features.len(), 2, "features for recommend and price");
        assert_eq!(record.release_revision, answer.release_revision);
        let placed = record
            .candidates
            .iter()
            .filter(|candidate| candidate.position > 0)
            .count();
        assert_eq!(placed, answer.items.len());
    });
}

#[test]
fn withdrawn_consent_gives_what_everyone_gets() {
    runtime().block_on(async {
        let fixture = shared().await;
        let consent = |customer: &str, given: bool| Event {
            customer_id: customer.to_owned(),
            kind: EventKind::ConsentChanged.into(),
            attributes: BTreeMap::from([(
                "personalisation".to_owned(),
                AttributeValue {
                    value: Some(Value::Flag(given)),
                },
            )]),
            ..Event::default()
        };
        let customer = "consent-test";
        track(fixture, consent(customer, true)).await;
        assert!(recommend(fixture, customer, "").await.personalised);
        track(fixture, consent(customer, false)).await;
        let answer = recommend(fixture, customer, "").await;
        assert!(
            !answer.personalised && answer.exposures.is_empty(),
            "{answer:?}"
        );
        assert!(
            answer.model_versions.is_empty(),
            "no model has a say: {answer:?}"
        );
    });
}

/// Asks for a record until the index is complete.
async fn explained(fixture: &Fixture, request_id: &str) -> Result<DecisionRecord, Status> {
    let mut client = RecommendServiceClient::new(fixture.server.gateway.clone());
    let ask = ExplainRequest {
        request_id: request_id.to_owned(),
        ..ExplainRequest::default()
    };
    let asking = async {
        loop {
            match client.explain(ask.clone()).await {
                Err(status) if status.code() == Code::Unavailable => {}
                answer => return Ok(answer?.into_inner().record.expect("a record")),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("answered in time")
}

/// Restarts the server, which then remembers no record itself, and asks for the record of an answer.
async fn explained_after_a_restart(fixture: Fixture) -> anyhow::Result<()> {
    let answer = recommend(&fixture, &fixture.customers[3], "").await;
    let fixture = fixture.restart().await?;
    let record = explained(&fixture, &answer.request_id).await?;
    assert_eq!(record.request_id, answer.request_id);
    assert_eq!(record.slate.len(), answer.items.len());
    let unknown = explained(&fixture, "never-made").await;
    let unknown = unknown.expect_err("unknown");
    assert_eq!(unknown.code(), Code::NotFound, "{unknown:?}");
    fixture.server.stop().await
}

#[test]
fn a_record_is_found_by_its_index_after_a_restart() {
    runtime().block_on(async {
        let fixture = Fixture::start("").await.expect("a server");
        Box::pin(explained_after_a_restart(fixture))
            .await
            .expect("explained");
    });
}

#[test]
fn the_same_way_goes_through_apache_kafka() {
    let broker = KafkaBroker::shared().expect("a broker");
    runtime().block_on(async {
        let fixture = Fixture::start(&broker.bootstrap())
            .await
            .expect("a server on Kafka");
        for customer in fixture.customers.iter().take(5) {
            assert_complete(&recommend(&fixture, customer, "").await);
        }
        Box::pin(explained_after_a_restart(fixture))
            .await
            .expect("explained");
    });
}
