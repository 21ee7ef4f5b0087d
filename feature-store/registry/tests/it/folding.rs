//! Folding events into values: any order, repeats, late ones, several partitions.

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_registry::{Applied, Entity, FeatureReader, Purpose, RECENT_EVENT_IDS, Registry};
use proptest::prelude::*;

use crate::events::{DAY, HOUR, MINUTE, NOW, event, number, on, paying, streams, text, with};

fn folded(events: &[Event]) -> EntityState {
    let mut state = EntityState::default();
    for event in events {
        Registry::builtin().apply_customer(&mut state, event);
    }
    state
}

/// Returns the feature sets of all purposes, without the state's own bookkeeping.
fn everything(state: &EntityState, as_of_ms: i64) -> Vec<FeatureSet> {
    let registry = Registry::builtin();
    let read = |purpose| registry.features_at(state, as_of_ms, purpose);
    Purpose::ALL.into_iter().map(read).collect()
}

fn value(state: &EntityState, as_of_ms: i64, name: &str) -> Option<f64> {
    let registry = Registry::builtin();
    Purpose::ALL.into_iter().find_map(|purpose| {
        let set = registry.features_at(state, as_of_ms, purpose);
        FeatureReader::new(&registry, &set)
            .expect("our own set")
            .number(name)
    })
}

fn sequence(state: &EntityState, as_of_ms: i64, name: &str) -> Vec<String> {
    let registry = Registry::builtin();
    let set = registry.features_at(state, as_of_ms, Purpose::Recommend);
    let reader = FeatureReader::new(&registry, &set).expect("our own set");
    let entries = reader.sequence(name).iter();
    entries.map(|entry| entry.product_id.clone()).collect()
}

/// Returns count and sum of a window, computed from the events themselves.
fn counted(events: &[Event], kind: EventKind, as_of_ms: i64, tile: i64, tiles: i64) -> (f64, f64) {
    let last = as_of_ms / tile;
    let inside = events.iter().filter(|event| {
        let at = event.event_time_ms / tile;
        event.kind == i32::from(kind) && at > last - tiles && at <= last
    });
    inside.fold((0.0, 0.0), |(count, sum), event| {
        let minor = event.amount.as_ref().map_or(0, |amount| amount.minor);
        (count + 1.0, sum + minor as f64)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn windows_hold_what_was_counted_by_hand(events in streams(), later in prop_oneof![Just(0), 0..2 * HOUR, 0..40 * DAY]) {
        let state = folded(&events);
        let newest = events.iter().map(|event| event.event_time_ms).max().expect("not empty");
        for as_of in [newest - 5 * MINUTE, newest, newest + later] {
            for (name, kind, tile, tiles) in [
                ("impressions_1h", EventKind::Impression, MINUTE, 60),
                ("clicks_1d", EventKind::Click, HOUR, 24),
                ("applications_7d", EventKind::Application, DAY, 7),
                ("conversions_30d", EventKind::Conversion, DAY, 30),
                ("repayments_30d", EventKind::Repayment, DAY, 30),
                ("payments_7d", EventKind::Payment, DAY, 7),
            ] {
                let (count, _) = counted(&events, kind, as_of, tile, tiles);
                prop_assert_eq!(value(&state, as_of, name), Some(count), "{} at {}", name, as_of);
            }
            let (_, sum) = counted(&events, EventKind::Payment, as_of, DAY, 30);
            prop_assert_eq!(value(&state, as_of, "payments_sum_minor_30d"), Some(sum));
        }
    }

    #[test]
    fn the_order_of_arrival_decides_nothing((events, shuffled) in streams().prop_flat_map(|events| {
        let shuffled = Just(events.clone()).prop_shuffle();
        (Just(events), shuffled)
    })) {
        let (one, other) = (folded(&events), folded(&shuffled));
        let newest = one.last_event_time_ms;
        for as_of in [newest, newest + HOUR, newest + 10 * DAY] {
            prop_assert_eq!(everything(&one, as_of), everything(&other, as_of));
        }
    }

    #[test]
    fn a_repeat_changes_nothing(events in streams(), which in any::<prop::sample::Index>()) {
        let recent = &events[events.len().saturating_sub(RECENT_EVENT_IDS)..];
        let mut state = folded(&events);
        let before = state.clone();
        let repeated = which.get(recent);
        let applied = Registry::builtin().apply_customer(&mut state, repeated);
        prop_assert!(applied != Applied::Changed, "{:?}", applied);
        prop_assert_eq!(state, before);
    }

    #[test]
    fn partitions_merge_to_what_one_writer_makes(events in streams(), parts in 1..5_usize) {
        let registry = Registry::builtin();
        let split = (0..parts).map(|part| {
            let mine: Vec<_> = events.iter().skip(part).step_by(parts).cloned().collect();
            folded(&mine)
        });
        let merged = registry.merge(Entity::Customer, split.collect());
        let unsplit = folded(&events);
        for as_of in [unsplit.last_event_time_ms, unsplit.last_event_time_ms + 3 * DAY] {
            prop_assert_eq!(everything(&merged, as_of), everything(&unsplit, as_of));
        }
    }

    #[test]
    fn reading_after_each_event_replays_history(mut events in streams()) {
        events.sort_by_key(|event| event.event_time_ms);
        let mut state = EntityState::default();
        for (index, event) in events.iter().enumerate() {
            Registry::builtin().apply_customer(&mut state, event);
            let as_of = event.event_time_ms;
            let (count, _) = counted(&events[..=index], EventKind::Click, as_of, MINUTE, 60);
            prop_assert_eq!(value(&state, as_of, "clicks_1h"), Some(count));
        }
    }
}

#[test]
fn a_late_event_goes_to_its_own_tile() {
    let mut state = folded(&[event("a", EventKind::Click, NOW)]);
    let late = event("b", EventKind::Click, NOW - 3 * HOUR);
    assert_eq!(
        Registry::builtin().apply_customer(&mut state, &late),
        Applied::Changed
    );
    assert_eq!(value(&state, NOW, "clicks_1h"), Some(1.0));
    assert_eq!(value(&state, NOW, "clicks_1d"), Some(2.0));
}

#[test]
fn an_event_before_every_window_is_too_late() {
    let registry = Registry::builtin();
    let mut state = folded(&[event("a", EventKind::Repayment, NOW)]);
    let before = state.clone();
    let late = event("b", EventKind::Repayment, NOW - 33 * DAY);
    assert_eq!(registry.apply_customer(&mut state, &late), Applied::TooLate);
    assert_eq!(state, before);
}

#[test]
fn an_event_that_no_feature_reads_is_irrelevant() {
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    let unknown = with(
        "shoe_size",
        number(43.0),
        event("a", EventKind::ProfileUpdated, NOW),
    );
    assert_eq!(
        registry.apply_customer(&mut state, &unknown),
        Applied::Irrelevant
    );
    let search = event("b", EventKind::Search, NOW);
    assert_eq!(
        registry.apply_product(&mut state, &search),
        Applied::Irrelevant
    );
    assert!(state.attributes.is_empty());
    assert!(!registry.concerns(Entity::Product, &search));
    assert!(registry.concerns(Entity::Customer, &search));
}

#[test]
fn the_newest_attribute_in_event_time_stands() {
    let region = |id: &str, at, value| {
        with(
            "region",
            text(value),
            event(id, EventKind::ProfileUpdated, at),
        )
    };
    let state = folded(&[
        region("a", NOW, "south"),
        region("b", NOW - HOUR, "north"),
        region("c", NOW, "east"),
    ]);
    let registry = Registry::builtin();
    let set = registry.features_at(&state, NOW, Purpose::Price);
    let reader = FeatureReader::new(&registry, &set).unwrap();
    // Same millisecond: the greater text, whichever came first.
    assert_eq!(reader.category("region"), Some("south"));
}

#[test]
fn an_attribute_lapses_after_its_ttl() {
    let assessed = with(
        "suitability_class",
        number(4.0),
        event("a", EventKind::ProfileUpdated, NOW),
    );
    let state = folded(&[assessed]);
    assert_eq!(
        value(&state, NOW + 731 * DAY, "suitability_class"),
        Some(4.0)
    );
    assert_eq!(value(&state, NOW + 732 * DAY, "suitability_class"), None);
}

#[test]
fn holdings_are_what_was_opened_and_not_closed() {
    let state = folded(&[
        on("A", event("1", EventKind::HoldingOpened, NOW - 9 * DAY)),
        on("B", event("2", EventKind::Conversion, NOW - 8 * DAY)),
        on("A", event("3", EventKind::HoldingClosed, NOW - 7 * DAY)),
        on("C", event("4", EventKind::HoldingClosed, NOW - 6 * DAY)),
        on("C", event("5", EventKind::HoldingOpened, NOW - 6 * DAY - 1)),
    ]);
    assert_eq!(sequence(&state, NOW, "holdings"), ["B"]);
}

#[test]
fn the_recent_sequence_keeps_the_newest_fifty() {
    let clicks: Vec<_> = (0..70)
        .map(|index| {
            let click = event(&format!("e{index}"), EventKind::Click, NOW - index * HOUR);
            on(&format!("P{index}"), click)
        })
        .collect();
    let shown = sequence(&folded(&clicks), NOW, "recent");
    let expected: Vec<_> = (0..50).map(|index| format!("P{index}")).collect();
    assert_eq!(shown, expected);
    // An instant before the newest event does not see it.
    assert_eq!(sequence(&folded(&clicks), NOW - 1, "recent")[0], "P1");
}

#[test]
fn clicks_are_told_apart_by_kind_of_product() {
    let card = Event {
        product_kind: 3,
        ..event("a", EventKind::Click, NOW)
    };
    let state = folded(&[card]);
    assert_eq!(value(&state, NOW, "clicks_credit_card_1h"), Some(1.0));
    assert_eq!(value(&state, NOW, "clicks_cash_loan_1h"), Some(0.0));
    assert_eq!(value(&state, NOW, "clicks_1h"), Some(1.0));
}

#[test]
fn nothing_is_observed_of_a_stranger() {
    let registry = Registry::builtin();
    let set = registry.features_at(&EntityState::default(), NOW, Purpose::Recommend);
    let reader = FeatureReader::new(&registry, &set).unwrap();
    for name in reader.layout().number_names() {
        assert_eq!(reader.number(name), None, "{name}");
    }
    assert_eq!(reader.number_or_default("age_years"), Ok(40.0));
    assert_eq!(reader.category("region"), None);
    assert!(reader.sequence("recent").is_empty());
}

#[test]
fn last_seen_is_the_newest_instant() {
    let state = folded(&[
        event("a", EventKind::AppOpened, NOW - 2 * HOUR),
        event("b", EventKind::Search, NOW - 5 * HOUR),
    ]);
    assert_eq!(value(&state, NOW, "hours_since_last_seen"), Some(2.0));
}

#[test]
fn state_is_bounded_whatever_happens() {
    const ROUNDS: i64 = 40_000;
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    let mut largest = 0;
    let mut at_half = 0;
    for round in 0..ROUNDS {
        let kind = EventKind::try_from((round % 13 + 1) as i32).unwrap();
        let at = NOW + round * 300_000;
        let mut one = event(&format!("e{round}"), kind, at);
        if !one.product_id.is_empty() {
            one.product_id = format!("P{}", round % 977);
            one.product_kind = (round % 6 + 1) as i32;
        }
        if kind == EventKind::Payment {
            one = paying(1_000, one);
        }
        if kind == EventKind::ProfileUpdated {
            one = with(
                &format!("junk{round}"),
                number(1.0),
                with("region", text("north"), one),
            );
        }
        registry.apply_customer(&mut state, &one);
        if round % 1_000 == 999 {
            largest = largest.max(registry.encode(Entity::Customer, &mut state).len());
        }
        if round == ROUNDS / 2 {
            at_half = largest;
        }
    }
    assert!(
        largest <= at_half + at_half / 50,
        "grew from {at_half} to {largest} bytes"
    );
    assert!(state.recent_event_ids.len() <= RECENT_EVENT_IDS);
    for series in &state.series {
        assert!(series.minutes.len() <= 65 && series.hours.len() <= 25 && series.days.len() <= 31);
    }
}

#[test]
fn product_counters_count_everyone() {
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    for (id, kind, age) in [
        ("a", EventKind::Impression, 10 * MINUTE),
        ("b", EventKind::Impression, 2 * DAY),
        ("c", EventKind::Click, 5 * MINUTE),
    ] {
        registry.apply_product(&mut state, &event(id, kind, NOW - age));
    }
    let counters = registry.product_features_at(&state, NOW);
    let layout = registry.product_layout();
    let counter = |name: &str| counters[layout.number(name).unwrap()];
    assert!(
        (counter("impressions_1h") - 1.0).abs() < f64::EPSILON,
        "impressions_1h"
    );
    assert!(
        (counter("impressions_7d") - 2.0).abs() < f64::EPSILON,
        "impressions_7d"
    );
    assert!(
        (counter("clicks_1d") - 1.0).abs() < f64::EPSILON,
        "clicks_1d"
    );
    assert!(
        (counter("conversions_30d") - 0.0).abs() < f64::EPSILON,
        "conversions_30d"
    );
}
