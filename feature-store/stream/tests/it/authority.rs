//! The stream judges again who may state what: by the signature of a record, or by its topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fairlead_domain::{CustomerId, Origin, TenantId};
use fairlead_event_log::{OriginKeys, Provenance, Record, TopicSpec};
use fairlead_online::{FeatureStore, MemoryStore};
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value};
use fairlead_stream::EVENTS_TOPIC;

use crate::dead_letters::letters;
use crate::fixture::{Fixture, PARTITIONS, click, event, record};

const SCORE: &str = "attributes.bureau_score `900` may not be stated by app: by bank";

fn keys(byte: u8) -> OriginKeys {
    OriginKeys::new("k1", BTreeMap::from([("k1".to_owned(), vec![byte; 32])])).expect("keys")
}

/// A fixture whose events are signed since an instant.
async fn signed_since(since_ms: i64) -> anyhow::Result<Fixture> {
    let mut fixture = Fixture::new().await?;
    fixture.provenance = Provenance::Signed {
        keys: Some(keys(1)),
        since_ms,
    };
    Ok(fixture)
}

fn store(fixture: &Fixture) -> Arc<dyn FeatureStore> {
    Arc::new(MemoryStore::new(fixture.registry.clone()))
}

fn score(id: &str, customer: &str) -> Event {
    let mut event = event(id, customer, EventKind::ProfileUpdated);
    let value = Some(attribute_value::Value::Number(900.0));
    let attribute = ("bureau_score".to_owned(), AttributeValue { value });
    event.attributes.extend([attribute]);
    event
}

/// Returns the customers of the list that have a score.
async fn scored<'c>(
    store: &dyn FeatureStore,
    customers: &[&'c str],
) -> anyhow::Result<Vec<&'c str>> {
    let tenant = TenantId::new("acme")?;
    let mut scored = Vec::new();
    for customer in customers {
        let id = CustomerId::new(customer)?;
        let state = store.read_customer(&tenant, &id).await?;
        if state.is_some_and(|state| state.attributes.contains_key("bureau_score")) {
            scored.push(*customer);
        }
    }
    Ok(scored)
}

#[tokio::test]
async fn facts_without_a_banks_signature_are_dead_letters_with_their_cause() -> anyhow::Result<()> {
    let fixture = signed_since(0).await?;
    let store = store(&fixture);
    let sign = |origin, record| keys(1).sign(EVENTS_TOPIC, origin, record);
    let mut moved = sign(Origin::Bank, record(&score("e5", "moved")));
    moved.payload = record(&score("e5", "thief")).payload;
    let mut claimed = sign(Origin::App, record(&score("e6", "claimed")));
    for (name, value) in &mut claimed.headers {
        if name == fairlead_event_log::ORIGIN {
            *value = "bank".into();
        }
    }
    let foreign = keys(2).sign(EVENTS_TOPIC, Origin::Bank, record(&score("e7", "foreign")));
    let elsewhere = keys(1).sign("other", Origin::Bank, record(&score("e8", "elsewhere")));
    let records = vec![
        sign(Origin::Bank, record(&score("e1", "bank"))),
        sign(Origin::App, record(&score("e2", "app"))),
        record(&score("e3", "unsigned")),
        // Without a signature an app may still say what an app may say.
        record(&click("e4", "unsigned", "P-1")),
        moved,
        claimed,
        foreign,
        elsewhere,
    ];
    fixture.log.append(EVENTS_TOPIC, records).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    running.caught_up(&fixture).await?;
    let counts = running.progress.now().counts;
    running.stop().await?;
    assert_eq!((counts.applied, counts.dead_lettered), (2, 6));
    let customers = [
        "bank",
        "app",
        "unsigned",
        "moved",
        "thief",
        "claimed",
        "foreign",
        "elsewhere",
    ];
    assert_eq!(scored(&*store, &customers).await?, ["bank"]);
    let letters = letters(&fixture).await?;
    assert_eq!(letters.len(), 6);
    for (_, letter) in letters {
        assert_eq!(letter.cause, SCORE);
    }
    Ok(())
}

#[tokio::test]
async fn a_log_from_before_signing_loses_nothing() -> anyhow::Result<()> {
    let since_ms = 1_700_000_000_000;
    let fixture = signed_since(since_ms).await?;
    let store = store(&fixture);
    let at = |timestamp_ms, event: &Event| Record {
        timestamp_ms,
        ..record(event)
    };
    let records = vec![
        at(since_ms - 1, &score("e1", "old")),
        at(since_ms, &score("e2", "new")),
    ];
    fixture.log.append(EVENTS_TOPIC, records).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    running.caught_up(&fixture).await?;
    running.stop().await?;
    assert_eq!(scored(&*store, &["old", "new"]).await?, ["old"]);
    Ok(())
}

#[tokio::test]
async fn the_banks_producers_have_a_topic_whose_records_count_as_the_banks() -> anyhow::Result<()> {
    const BANK_TOPIC: &str = "fairlead.bank-events.v1";
    let mut fixture = signed_since(0).await?;
    let store = store(&fixture);
    let topic = TopicSpec {
        partitions: PARTITIONS,
        retention: Duration::from_hours(24),
    };
    fixture.log.create_topic(BANK_TOPIC, topic).await?;
    let both = |id| vec![record(&score(id, id))];
    fixture.log.append(EVENTS_TOPIC, both("ordinary")).await?;
    fixture.log.append(BANK_TOPIC, both("bank")).await?;
    let mut ordinary = fixture.start(store.clone(), |_| {})?;
    ordinary.caught_up(&fixture).await?;
    fixture.provenance = Provenance::Topic(Origin::Bank);
    let mut bank = fixture.start(store.clone(), |config| {
        config.topic = BANK_TOPIC.to_owned();
        config.group.push_str("-bank");
        config.log_name.push_str("-bank");
    })?;
    let applied = |progress: &fairlead_stream::Progress| progress.counts.applied == 1;
    bank.until("the bank's event is applied", applied).await?;
    bank.stop().await?;
    ordinary.stop().await?;
    assert_eq!(scored(&*store, &["ordinary", "bank"]).await?, ["bank"]);
    Ok(())
}
