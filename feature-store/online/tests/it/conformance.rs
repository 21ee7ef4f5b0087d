//! What every store does.

use std::sync::Arc;

use bytes::Bytes;
use fairlead_online::{EntityKey, FeatureStore, SourcePartition, Write, WriteOutcome};
use fairlead_registry::{FeatureReader, Purpose, Registry};

use crate::stores::{NOW, bytes, clicks, customer, product, tenant, with_each, write};

const STALE_AT_NOTHING: WriteOutcome = WriteOutcome::Stale { current_mark: None };

fn stale_at(mark: i64) -> WriteOutcome {
    WriteOutcome::Stale {
        current_mark: Some(mark),
    }
}

async fn clicks_of(store: &dyn FeatureStore, id: &str) -> anyhow::Result<Option<f64>> {
    let Some(state) = store.read_customer(&tenant(), &customer(id)).await? else {
        return Ok(None);
    };
    let registry = Registry::builtin();
    let set = registry.features_at(&state, NOW, Purpose::Recommend);
    Ok(FeatureReader::new(&registry, &set)?.number("clicks_7d"))
}

#[tokio::test]
async fn what_was_written_is_read() -> anyhow::Result<()> {
    with_each(async |store, _| {
        assert_eq!(clicks_of(&*store, "anna").await?, None);
        let written = store
            .apply(vec![write("anna", 0, None, 41, bytes(&clicks("a", 3)))])
            .await?;
        assert_eq!(written, [WriteOutcome::Applied]);
        assert_eq!(clicks_of(&*store, "anna").await?, Some(3.0));
        let written = store
            .apply(vec![write("anna", 0, Some(41), 42, bytes(&clicks("a", 4)))])
            .await?;
        assert_eq!(written, [WriteOutcome::Applied]);
        assert_eq!(clicks_of(&*store, "anna").await?, Some(4.0));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_repeat_and_a_writer_that_fell_behind_change_nothing() -> anyhow::Result<()> {
    with_each(async |store, _| {
        let first = write("anna", 0, None, 10, bytes(&clicks("a", 1)));
        store.apply(vec![first.clone()]).await?;
        assert_eq!(store.apply(vec![first]).await?, [stale_at(10)], "a repeat");
        let behind = write("anna", 0, Some(9), 11, bytes(&clicks("a", 7)));
        assert_eq!(store.apply(vec![behind]).await?, [stale_at(10)], "behind");
        let ahead = write("anna", 0, Some(12), 13, bytes(&clicks("a", 7)));
        assert_eq!(store.apply(vec![ahead]).await?, [stale_at(10)], "ahead");
        let lost = write("boris", 0, Some(5), 6, bytes(&clicks("b", 7)));
        assert_eq!(store.apply(vec![lost]).await?, [STALE_AT_NOTHING], "lost");
        assert_eq!(clicks_of(&*store, "anna").await?, Some(1.0));
        assert_eq!(clicks_of(&*store, "boris").await?, None);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn partitions_and_logs_do_not_touch_each_other_and_are_read_as_one() -> anyhow::Result<()> {
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
        assert_eq!(clicks_of(&*store, "anna").await?, Some(7.0));
        let key = EntityKey::customer(&tenant(), &customer("anna"));
        let fields = store
            .read_fields(&[
                (key.clone(), SourcePartition::new("log", 1)),
                (key.clone(), SourcePartition::new("log", 7)),
                (key, SourcePartition::new("log", 0)),
            ])
            .await?;
        let marks: Vec<_> = fields
            .iter()
            .map(|field| field.as_ref().map(|field| field.mark))
            .collect();
        assert_eq!(marks, [Some(3), None, Some(100)]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn many_are_answered_in_the_order_asked() -> anyhow::Result<()> {
    // More than a pipeline holds, and not a multiple of it.
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
        let asked: Vec<_> = (0..COUNT)
            .rev()
            .map(|index| customer(&format!("c{index}")))
            .collect();
        let states = store.read_customers(&tenant(), &asked).await?;
        assert_eq!(i64::try_from(states.len())?, COUNT);
        for (index, state) in (0..COUNT).rev().zip(states) {
            let days: u32 = state
                .iter()
                .flat_map(|state| &state.series)
                .flat_map(|series| &series.days)
                .map(|tile| tile.count)
                .max()
                .unwrap_or_default();
            assert!(
                i64::from(days) <= index % 5 + 1 && days > 0,
                "customer {index}"
            );
        }
        // Half of the marks are stale, each where it was asked.
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
async fn product_counters_are_apart_from_customers() -> anyhow::Result<()> {
    with_each(async |store, _| {
        let registry = Registry::builtin();
        let mut state = fairlead_proto::feature::v1::EntityState::default();
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
        assert_eq!(clicks_of(&*store, "same").await?, None);
        let read = store
            .read_product_counters(&tenant(), &[product("none"), product("same")])
            .await?;
        assert!(read[0].is_none());
        let merged = read[1].as_ref().expect("written above");
        let place = registry
            .product_layout()
            .number("clicks_1h")
            .expect("in the layout");
        let clicks = registry.product_features_at(merged, NOW)[place];
        assert!((clicks - 3.0).abs() < f64::EPSILON, "{clicks}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn of_many_writers_at_once_one_wins_each_round() -> anyhow::Result<()> {
    with_each(async |store, _| {
        let store: Arc<dyn FeatureStore> = store.into();
        let mut expected = None;
        for round in 0..20_i64 {
            let contenders = (0..8).map(|_| {
                let store = store.clone();
                async move {
                    store
                        .apply(vec![write("anna", 0, expected, round, Bytes::new())])
                        .await
                }
            });
            let outcomes = futures::future::try_join_all(contenders).await?;
            let won = outcomes
                .iter()
                .filter(|outcome| outcome[0] == WriteOutcome::Applied)
                .count();
            assert_eq!(won, 1, "round {round}");
            expected = Some(round);
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn nothing_asked_is_nothing_answered() -> anyhow::Result<()> {
    with_each(async |store, _| {
        assert!(store.apply(Vec::new()).await?.is_empty());
        assert!(store.read_customers(&tenant(), &[]).await?.is_empty());
        store.healthy().await?;
        Ok(())
    })
    .await
}
