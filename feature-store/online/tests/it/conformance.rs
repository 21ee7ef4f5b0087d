//! The behaviour that all stores have.

use std::sync::Arc;

use bytes::Bytes;
use fairlead_online::{EntityKey, FeatureStore, SourcePartition, Write, WriteOutcome};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::{FeatureReader, Purpose, Registry};

use crate::stores::{NOW, bytes, clicks, customer, product, tenant, with_each, write};

const STALE_WITHOUT_FIELD: WriteOutcome = WriteOutcome::Stale {
    current_offset: None,
};

fn stale_at(offset: i64) -> WriteOutcome {
    WriteOutcome::Stale {
        current_offset: Some(offset),
    }
}

async fn click_count(store: &dyn FeatureStore, id: &str) -> anyhow::Result<Option<f64>> {
    let Some(state) = store.read_customer(&tenant(), &customer(id)).await? else {
        return Ok(None);
    };
    let registry = Registry::builtin();
    let set = registry.features_at(&state, NOW, Purpose::Recommend);
    Ok(FeatureReader::new(&registry, &set)?.number("clicks_7d"))
}

#[tokio::test]
async fn a_read_returns_the_written_state() -> anyhow::Result<()> {
    with_each(async |store, _| {
        assert_eq!(click_count(&*store, "anna").await?, None);
        let written = store
            .apply(vec![write("anna", 0, None, 41, bytes(&clicks("a", 3)))])
            .await?;
        assert_eq!(written, [WriteOutcome::Applied]);
        assert_eq!(click_count(&*store, "anna").await?, Some(3.0));
        let written = store
            .apply(vec![write("anna", 0, Some(41), 42, bytes(&clicks("a", 4)))])
            .await?;
        assert_eq!(written, [WriteOutcome::Applied]);
        assert_eq!(click_count(&*store, "anna").await?, Some(4.0));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_repeated_or_outdated_write_changes_nothing() -> anyhow::Result<()> {
    with_each(async |store, _| {
        let first = write("anna", 0, None, 10, bytes(&clicks("a", 1)));
        store.apply(vec![first.clone()]).await?;
        assert_eq!(store.apply(vec![first]).await?, [stale_at(10)], "a repeat");
        let behind = write("anna", 0, Some(9), 11, bytes(&clicks("a", 7)));
        assert_eq!(store.apply(vec![behind]).await?, [stale_at(10)], "behind");
        let ahead = write("anna", 0, Some(12), 13, bytes(&clicks("a", 7)));
        assert_eq!(store.apply(vec![ahead]).await?, [stale_at(10)], "ahead");
        let lost = write("boris", 0, Some(5), 6, bytes(&clicks("b", 7)));
        let outcomes = store.apply(vec![lost]).await?;
        assert_eq!(outcomes, [STALE_WITHOUT_FIELD], "lost");
        assert_eq!(click_count(&*store, "anna").await?, Some(1.0));
        assert_eq!(click_count(&*store, "boris").await?, None);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn partitions_and_logs_have_own_fields_and_are_merged_on_read() -> anyhow::Result<()> {
    with_each(async |store, _| {
        let other_log = Write {
            source: SourcePartition::new("other", 0),
            ..write("anna", 0, None, 5, bytes(&clicks("c", 4)))
        };
        let outcomes = store
            .apply(vec![
                write("anna", 0, None, 100, bytes(&clicks("a", 1))),
                write("anna", 1, None, 3, bytes(&clicks("b", 2))),
                other_log,
            ])
            .await?;
        assert_eq!(outcomes, [WriteOutcome::Applied; 3]);
        assert_eq!(click_count(&*store, "anna").await?, Some(7.0));
        let key = EntityKey::customer(&tenant(), &customer("anna"));
        let fields = store
            .read_fields(&[
                (key.clone(), SourcePartition::new("log", 1)),
                (key.clone(), SourcePartition::new("log", 7)),
                (key, SourcePartition::new("log", 0)),
            ])
            .await?;
        let offsets: Vec<_> = fields
            .iter()
            .map(|field| field.as_ref().map(|field| field.offset))
            .collect();
        assert_eq!(offsets, [Some(3), None, Some(100)]);
        Ok(())
    })
    .await
}

/// Returns the largest number of clicks on one day of a state.
fn most_clicks_a_day(state: Option<&EntityState>) -> u32 {
    let series = state.iter().flat_map(|state| &state.series);
    let days = series.flat_map(|series| &series.days);
    days.map(|tile| tile.count).max().unwrap_or_default()
}

#[tokio::test]
async fn large_batches_are_answered_in_order() -> anyhow::Result<()> {
    // More commands than a pipeline holds, and not a multiple of its size.
    const COUNT: i64 = 1_337;
    with_each(async |store, _| {
        let writes = (0..COUNT)
            .map(|index| {
                write(
                    &format!("c{index}"),
                    0,
                    None,
                    index,
                    bytes(&clicks("a", index % 5 + 1)),
                )
            })
            .collect();
        let outcomes = store.apply(writes).await?;
        assert!(
            outcomes
                .iter()
                .all(|outcome| *outcome == WriteOutcome::Applied)
        );
        let customers: Vec<_> = (0..COUNT)
            .rev()
            .map(|index| customer(&format!("c{index}")))
            .collect();
        let states = store.read_customers(&tenant(), &customers).await?;
        assert_eq!(i64::try_from(states.len())?, COUNT);
        for (index, state) in (0..COUNT).rev().zip(states) {
            let clicks = i64::from(most_clicks_a_day(state.as_ref()));
            assert!((1..=index % 5 + 1).contains(&clicks), "customer {index}");
        }
        // Half of the writes are stale; each outcome is at its write's index.
        let writes = (0..COUNT)
            .map(|index| {
                let expected = if index % 2 == 0 { index } else { index + 1 };
                write(
                    &format!("c{index}"),
                    0,
                    Some(expected),
                    index + 10_000,
                    Bytes::new(),
                )
            })
            .collect();
        for (index, outcome) in (0..COUNT).zip(store.apply(writes).await?) {
            let expected = if index % 2 == 0 {
                WriteOutcome::Applied
            } else {
                stale_at(index)
            };
            assert_eq!(outcome, expected, "customer {index}");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn product_counters_are_separate_from_customers() -> anyhow::Result<()> {
    with_each(async |store, _| {
        let registry = Registry::builtin();
        let mut state = EntityState::default();
        let click = fairlead_proto::event::v1::Event {
            event_id: "e".into(),
            kind: fairlead_proto::event::v1::EventKind::Click.into(),
            event_time_ms: NOW,
            product_id: "same".into(),
            ..Default::default()
        };
        registry.apply_product(&mut state, &click);
        let counters: Bytes = registry
            .encode(fairlead_registry::Entity::Product, &mut state)
            .into();
        for partition in 0..3 {
            let write = Write {
                key: EntityKey::product(&tenant(), &product("same")),
                ..write("x", partition, None, 1, counters.clone())
            };
            store.apply(vec![write]).await?;
        }
        assert_eq!(click_count(&*store, "same").await?, None);
        let read = store
            .read_product_counters(&tenant(), &[product("none"), product("same")])
            .await?;
        assert!(read[0].is_none());
        let merged = read[1].as_ref().expect("written above");
        let index = registry
            .product_layout()
            .number("clicks_1h")
            .expect("in the layout");
        let clicks = registry.product_features_at(merged, NOW)[index];
        assert!((clicks - 3.0).abs() < f64::EPSILON, "{clicks}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn of_concurrent_writers_exactly_one_succeeds() -> anyhow::Result<()> {
    with_each(async |store, _| {
        let store: Arc<dyn FeatureStore> = store.into();
        let mut expected = None;
        for round in 0..20_i64 {
            let writers = (0..8).map(|_| {
                let store = store.clone();
                async move {
                    store
                        .apply(vec![write("anna", 0, expected, round, Bytes::new())])
                        .await
                }
            });
            let outcomes = futures::future::try_join_all(writers).await?;
            let applied = outcomes
                .iter()
                .filter(|outcome| outcome[0] == WriteOutcome::Applied)
                .count();
            assert_eq!(applied, 1, "round {round}");
            expected = Some(round);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn empty_requests_have_empty_answers() -> anyhow::Result<()> {
    with_each(async |store, _| {
        assert!(store.apply(Vec::new()).await?.is_empty());
        assert!(store.read_customers(&tenant(), &[]).await?.is_empty());
        store.healthy().await?;
        Ok(())
    })
    .await
}
