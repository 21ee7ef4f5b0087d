//! Dead letters: records that cannot be applied.

use std::sync::Arc;

use fairlead_event_log::{Position, Record, TRACEPARENT};
use fairlead_online::{FeatureStore, MemoryStore};
use fairlead_proto::event::v1::{DeadLetter, Event, EventKind};
use fairlead_stream::{DEAD_LETTERS_TOPIC, EVENTS_TOPIC, MAX_PAYLOAD_BYTES};
use prost::Message as _;

use crate::fixture::{Fixture, NOW, click, event, record};

const KEY: &str = "acme/anna";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub(crate) async fn letters(fixture: &Fixture) -> anyhow::Result<Vec<(Record, DeadLetter)>> {
    let mut letters = Vec::new();
    for end in fixture.log.end_offsets(DEAD_LETTERS_TOPIC).await? {
        let mut next = 0;
        while next < end.offset {
            let from = Position {
                partition: end.partition,
                offset: next,
            };
            for delivered in fixture.log.read(DEAD_LETTERS_TOPIC, from, 100).await? {
                next = delivered.position.offset + 1;
                let letter = DeadLetter::decode(delivered.record.payload.clone())?;
                letters.push((delivered.record, letter));
            }
        }
    }
    letters.sort_by_key(|(_, letter)| (letter.partition, letter.offset));
    Ok(letters)
}

#[tokio::test]
async fn invalid_records_become_dead_letters_and_the_partition_goes_on() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(fixture.registry.clone()));
    let future = Event {
        event_time_ms: NOW + 3_600_000,
        ..click("f", "anna", "P-1")
    };
    let old = Event {
        event_time_ms: NOW - 40 * 86_400_000,
        ..event("o", "anna", EventKind::Search)
    };
    let records = vec![
        record(&click("a", "anna", "P-1")),
        Record::new(KEY, vec![0xff_u8; 999_000]).with_header(TRACEPARENT, TRACE),
        Record::new(KEY, ""),
        Record::new(KEY, b"{\"kind\": \"click\"}".to_vec()),
        record(&future),
        record(&old),
        record(&click("b", "anna", "P-1")),
    ];
    fixture.log.append(EVENTS_TOPIC, records).await?;
    let mut running = fixture.start(store.clone(), |_| {})?;
    running.caught_up(&fixture).await?;
    let counts = running.progress.now().counts;
    running.stop().await?;
    assert_eq!(
        (counts.applied, counts.dead_lettered, counts.too_late),
        (2, 4, 1)
    );
    fixture.assert_folded(&*store).await?;

    let letters = letters(&fixture).await?;
    assert_eq!(letters.len(), 4);
    for (record, letter) in &letters {
        assert_eq!(record.key, KEY);
        assert_eq!((letter.topic.as_str(), letter.at_ms), (EVENTS_TOPIC, NOW));
        assert!(
            letter.cause.contains("is not allowed")
                || letter.cause.contains("no fairlead.event.v1.Event"),
            "{}",
            letter.cause
        );
    }
    let offsets: Vec<_> = letters.iter().map(|(_, letter)| letter.offset).collect();
    assert_eq!(offsets, [1, 2, 3, 4]);
    assert_causes(&letters);
    let (record, letter) = &letters[0];
    assert_eq!(letter.payload_length, 999_000);
    assert_eq!(letter.payload.len(), MAX_PAYLOAD_BYTES);
    assert_eq!(
        record.header(TRACEPARENT).map(|value| &value[..]),
        Some(TRACE.as_bytes())
    );
    Ok(())
}

/// Asserts that the letters name the causes of an undecodable, an empty and a future event.
fn assert_causes(letters: &[(Record, DeadLetter)]) {
    for (index, start) in [
        (0, "999000 bytes that are no fairlead.event.v1.Event: "),
        (1, "an empty payload is not allowed"),
        (3, "event_time_ms `"),
    ] {
        let cause = &letters[index].1.cause;
        assert!(cause.starts_with(start), "{cause}");
    }
}

#[tokio::test]
async fn a_record_that_is_read_again_makes_no_second_dead_letter() -> anyhow::Result<()> {
    let fixture = Fixture::new().await?;
    let store: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(fixture.registry.clone()));
    let records = (0..20)
        .map(|index| Record::new(format!("k{index}"), "invalid"))
        .collect();
    fixture.log.append(EVENTS_TOPIC, records).await?;
    for round in 0..3 {
        let mut running = fixture.start(store.clone(), |config| config.commit_lag_ms = 600_000)?;
        running.caught_up(&fixture).await?;
        if round > 0 {
            running
                .until("all were read again", |progress| {
                    progress.counts.replayed == 20
                })
                .await?;
        }
        running.stop().await?;
        assert_eq!(letters(&fixture).await?.len(), 20, "round {round}");
    }
    Ok(())
}
