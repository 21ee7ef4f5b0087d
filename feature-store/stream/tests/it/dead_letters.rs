//! What cannot be applied.

use std::sync::Arc;

use fairlead_event_log::{Position, Record, TRACEPARENT};
use fairlead_online::{FeatureStore, MemoryStore};
use fairlead_proto::event::v1::{DeadLetter, Event, EventKind};
use fairlead_stream::{DEAD_LETTERS_TOPIC, EVENTS_TOPIC, MAX_PAYLOAD_BYTES};
use prost::Message as _;

use crate::world::{NOW, World, click, event, record};

pub(crate) async fn letters(world: &World) -> anyhow::Result<Vec<(Record, DeadLetter)>> {
    let mut letters = Vec::new();
    for end in world.log.end_offsets(DEAD_LETTERS_TOPIC).await? {
        let mut next = 0;
        while next < end.offset {
            let from = Position {
                partition: end.partition,
                offset: next,
            };
            for delivered in world.log.read(DEAD_LETTERS_TOPIC, from, 100).await? {
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
async fn junk_is_set_aside_with_its_cause_and_the_partition_goes_on() -> anyhow::Result<()> {
    let world = World::new().await?;
    let store: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(world.registry.clone()));
    let key = "acme/anna";
    let megabyte = vec![0xff_u8; 999_000];
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
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
        Record::new(key, megabyte.clone()).with_header(TRACEPARENT, trace),
        Record::new(key, ""),
        Record::new(key, b"{\"kind\": \"click\"}".to_vec()),
        record(&future),
        record(&old),
        record(&click("b", "anna", "P-1")),
    ];
    world.log.append(EVENTS_TOPIC, records).await?;
    let mut running = world.start(store.clone(), |_| {})?;
    running.caught_up(&world).await?;
    let counts = running.progress.now().counts;
    running.stop().await?;
    assert_eq!(
        (counts.applied, counts.dead_lettered, counts.too_late),
        (2, 4, 1)
    );
    world.assert_folded(&*store).await?;

    let letters = letters(&world).await?;
    assert_eq!(letters.len(), 4);
    for (record, letter) in &letters {
        assert_eq!(record.key, key);
        assert_eq!((letter.topic.as_str(), letter.at_ms), (EVENTS_TOPIC, NOW));
        assert!(
            letter.cause.contains("is not allowed")
                || letter.cause.contains("no fairlead.event.v1.Event"),
            "{}",
            letter.cause
        );
    }
    let (carrier, junk) = &letters[0];
    assert_eq!(junk.payload_length, 999_000);
    assert_eq!(junk.payload.len(), MAX_PAYLOAD_BYTES);
    assert!(
        junk.cause
            .starts_with("999000 bytes that are no fairlead.event.v1.Event: "),
        "{}",
        junk.cause
    );
    assert_eq!(
        carrier.header(TRACEPARENT).map(|value| &value[..]),
        Some(trace.as_bytes())
    );
    assert!(
        letters[1]
            .1
            .cause
            .starts_with("an empty payload is not allowed")
    );
    assert!(
        letters[3].1.cause.starts_with("event_time_ms `"),
        "{}",
        letters[3].1.cause
    );
    let offsets: Vec<_> = letters.iter().map(|(_, letter)| letter.offset).collect();
    assert_eq!(offsets, [1, 2, 3, 4]);
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_is_not_written_again_when_its_record_is_read_again() -> anyhow::Result<()> {
    let world = World::new().await?;
    let store: Arc<dyn FeatureStore> = Arc::new(MemoryStore::new(world.registry.clone()));
    let records = (0..20)
        .map(|index| Record::new(format!("k{index}"), "junk"))
        .collect();
    world.log.append(EVENTS_TOPIC, records).await?;
    for round in 0..3 {
        let mut running = world.start(store.clone(), |config| config.commit_lag_ms = 600_000)?;
        running.caught_up(&world).await?;
        if round > 0 {
            running
                .until("all were read again", |progress| {
                    progress.counts.replayed == 20
                })
                .await?;
        }
        running.stop().await?;
        assert_eq!(letters(&world).await?.len(), 20, "round {round}");
    }
    Ok(())
}
