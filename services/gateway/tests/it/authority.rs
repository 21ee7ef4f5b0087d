//! Who may state which fact: every kind of event and every attribute, by app, partner and bank.

use std::collections::BTreeMap;

use fairlead_domain::Origin;
use fairlead_event_log::{ORIGIN, Provenance};
use fairlead_gateway::topics;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value::Value};
use fairlead_proto::gateway::v1::{TrackManyRequest, TrackRequest};
use fairlead_proto::money::v1::Money;
use fairlead_registry::{Aggregate, Registry, ValueType};
use tonic::{Code, Status};

use crate::http_client::HttpCall;
use crate::setup::{Setup, config, origin_keys};

/// The curl of the finding: whoever may send a click sets their own credit score.
const EXPLOIT: &str = r#"{"event":{"customerId":"me","kind":"EVENT_KIND_PROFILE_UPDATED","attributes":{"bureau_score":{"number":900},"bureau_grade":{"text":"A"},"income_monthly_minor":{"number":9e6}}}}"#;
const EVERYONE: &[Origin] = &Origin::ALL;
const CUSTOMER: &[Origin] = &[Origin::App, Origin::Bank];
const BANK: &[Origin] = &[Origin::Bank];

/// A gateway with a key of each origin, named as the origin.
async fn with_keys() -> Setup {
    let key = |origin: &str| {
        let json = serde_json::json!({
            "tenant": "acme", "requests_per_second": 100_000, "origin": origin,
        });
        let rights = serde_json::from_value(json).expect("a key");
        (origin.to_owned(), rights)
    };
    let mut config = config();
    config.api_keys = Origin::ALL.map(|origin| key(origin.name())).into();
    Setup::start_with(config).await
}

fn event(kind: EventKind) -> Event {
    let on_product = (1..=6).contains(&(kind as i32));
    let product = if on_product { "fund-1" } else { "" };
    let amount = (kind == EventKind::Payment).then(|| Money {
        minor: 100,
        currency: "CNY".to_owned(),
    });
    let attributes = match kind {
        // Read by no feature: anyone may state it.
        EventKind::ProfileUpdated | EventKind::ConsentChanged => {
            BTreeMap::from([attribute("shoe_size", Value::Number(43.0))])
        }
        _ => BTreeMap::new(),
    };
    Event {
        customer_id: "c-1".to_owned(),
        kind: kind.into(),
        product_id: product.to_owned(),
        amount,
        attributes,
        ..Event::default()
    }
}

fn attribute(name: &str, value: Value) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue { value: Some(value) })
}

fn stating(kind: EventKind, name: &str, value: Value) -> Event {
    let mut event = event(kind);
    event.attributes.extend([attribute(name, value)]);
    event
}

/// Every kind of event and every attribute that a feature reads, with those who may state it.
fn facts() -> Vec<(String, Event, &'static [Origin])> {
    let mut facts = Vec::new();
    for number in 1..=13 {
        let kind = EventKind::try_from(number).expect("a kind");
        let allowed = match kind {
            EventKind::Conversion
            | EventKind::HoldingOpened
            | EventKind::HoldingClosed
            | EventKind::Repayment
            | EventKind::Delinquency
            | EventKind::Payment => BANK,
            _ => EVERYONE,
        };
        facts.push(("event.kind".to_owned(), event(kind), allowed));
    }
    for feature in Registry::builtin().features() {
        let Aggregate::Last {
            attribute, value, ..
        } = &feature.aggregate
        else {
            continue;
        };
        let value = match value {
            ValueType::Number => Value::Number(3.0),
            ValueType::Category => Value::Text("x".to_owned()),
            ValueType::Flag => Value::Flag(true),
        };
        let (kind, allowed) = match attribute.as_str() {
            "personalisation" => (EventKind::ConsentChanged, CUSTOMER),
            "gender" | "marital_status" | "occupation" | "occupation_group" => {
                (EventKind::ProfileUpdated, CUSTOMER)
            }
            "device" | "channel_preference" => (EventKind::ProfileUpdated, EVERYONE),
            _ => (EventKind::ProfileUpdated, BANK),
        };
        let field = format!("event.attributes.{attribute}");
        facts.push((field, stating(kind, attribute, value), allowed));
    }
    facts
}

async fn track(setup: &Setup, bearer: &str, event: Event) -> Result<(), Status> {
    let request = TrackRequest { event: Some(event) };
    let mut client = setup.events_by(bearer);
    client.track(request).await.map(drop)
}

#[tokio::test]
async fn each_fact_is_taken_from_those_who_may_state_it_and_from_no_other() {
    let setup = with_keys().await;
    let mut taken = 0;
    for (field, event, allowed) in facts() {
        for origin in Origin::ALL {
            let told = format!("{field} of {:?} by {origin}", event.kind());
            let answer = track(&setup, origin.name(), event.clone()).await;
            if allowed.contains(&origin) {
                answer.expect(&told);
                taken += 1;
                continue;
            }
            let refused = answer.expect_err(&told);
            assert_eq!(refused.code(), Code::PermissionDenied, "{told}");
            let said = refused.message();
            assert!(said.starts_with(&field), "{told}: {said}");
            let by = format!("this one is of {origin}");
            assert!(said.ends_with(&by), "{told}: {said}");
        }
    }
    assert_eq!(setup.logged_events().await.len(), taken);
}

#[tokio::test]
async fn the_customer_cannot_set_a_credit_score_with_or_without_keys() {
    for setup in [Setup::start().await, with_keys().await] {
        let call = HttpCall::post("/v1/events", EXPLOIT).with_key("app");
        let answer = call.send(setup.address).await;
        assert_eq!(answer.status, 403, "{answer:?}");
        let error = &answer.json()["error"];
        assert_eq!(error["reason"], "UNAUTHORISED_FACT");
        let details = &error["details"];
        assert_eq!(details["field"], "event.attributes.bureau_grade");
        assert_eq!(details["allowed"], "a call of bank; this one is of app");
        assert!(setup.logged_events().await.is_empty());
    }
}

#[tokio::test]
async fn one_fact_too_many_refuses_the_whole_event_and_no_other() {
    let setup = with_keys().await;
    let mut mixed = stating(
        EventKind::ProfileUpdated,
        "device",
        Value::Text("phone".to_owned()),
    );
    mixed
        .attributes
        .extend([attribute("suitability_class", Value::Number(5.0))]);
    // The bank's fact hides in an event that no feature would read it from.
    let hidden = stating(EventKind::AppOpened, "bureau_score", Value::Number(900.0));
    let adult = stating(
        EventKind::ProfileUpdated,
        "birth_date_ms",
        Value::Number(0.0),
    );
    let events = vec![mixed, event(EventKind::AppOpened), hidden, adult];
    let mut client = setup.events_by("app");
    let answer = client
        .track_many(TrackManyRequest {
            events,
            ..TrackManyRequest::default()
        })
        .await;
    let answer = answer.expect("judged").into_inner();
    assert_eq!(answer.accepted, 1);
    let causes: Vec<_> = answer
        .rejected
        .iter()
        .map(|one| (one.index, one.cause.as_str()))
        .collect();
    assert_eq!(
        causes,
        [
            (
                0,
                "attributes.suitability_class `5` may not be stated by app: by bank"
            ),
            (
                2,
                "attributes.bureau_score `900` may not be stated by app: by bank"
            ),
            (
                3,
                "attributes.birth_date_ms `0` may not be stated by app: by bank"
            ),
        ]
    );
    let logged = setup.logged_events().await;
    let kinds: Vec<_> = logged.iter().map(Event::kind).collect();
    assert_eq!(kinds, [EventKind::AppOpened]);
}

#[tokio::test]
async fn consent_is_given_by_app_or_bank_and_withdrawn_by_anyone() {
    let setup = with_keys().await;
    for origin in Origin::ALL {
        for given in [true, false] {
            let consent = stating(
                EventKind::ConsentChanged,
                "personalisation",
                Value::Flag(given),
            );
            let answer = track(&setup, origin.name(), consent).await;
            if given && origin == Origin::Partner {
                let refused = answer.expect_err("a partner gives no consent");
                assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
            } else {
                answer.expect("allowed");
            }
        }
    }
    assert_eq!(setup.logged_events().await.len(), 5);
}

#[tokio::test]
async fn the_banks_own_tools_prove_themselves_by_the_token_of_the_machine() {
    for setup in [Setup::start().await, with_keys().await] {
        let income = || {
            stating(
                EventKind::ProfileUpdated,
                "income_monthly_minor",
                Value::Number(1e6),
            )
        };
        for wrong in ["app", &setup.tools[1..], &format!("{}0", setup.tools)] {
            track(&setup, wrong, income()).await.expect_err(wrong);
        }
        let tools = setup.tools.clone();
        track(&setup, &tools, income()).await.expect("the bank");
        assert_eq!(setup.logged_events().await.len(), 1);
    }
}

#[tokio::test]
async fn each_record_carries_the_signed_origin_of_its_caller() {
    let setup = with_keys().await;
    let provenance = Provenance::Signed {
        keys: Some(origin_keys()),
        since_ms: 0,
    };
    for origin in Origin::ALL {
        let told = event(EventKind::AppOpened);
        track(&setup, origin.name(), told).await.expect("allowed");
        let many = TrackManyRequest {
            events: vec![event(EventKind::Search); 2],
            ..TrackManyRequest::default()
        };
        let mut client = setup.events_by(origin.name());
        client.track_many(many).await.expect("allowed");
    }
    let records = setup.log.records(topics::EVENTS).await;
    let mut origins: Vec<_> = records
        .iter()
        .map(|one| provenance.origin_of(one))
        .collect();
    origins.sort_unstable();
    let expected: Vec<_> = Origin::ALL.into_iter().flat_map(|one| [one; 3]).collect();
    assert_eq!(origins, expected);
    for one in records {
        let claimed = one.record.header(ORIGIN).expect("signed").clone();
        let name = std::str::from_utf8(&claimed).expect("a name");
        assert_eq!(Origin::from_name(name), Some(provenance.origin_of(&one)));
    }
}
