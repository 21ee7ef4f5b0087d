//! States as bytes, and states written under another features file.

use fairlead_proto::event::v1::EventKind;
use fairlead_proto::feature::v1::{EntityState, Series};
use fairlead_registry::{Entity, FeatureReader, Purpose, Registry};
use proptest::prelude::*;

use crate::events::{DAY, NOW, event, streams};

proptest! {
    #[test]
    fn a_state_comes_back_from_its_bytes(events in streams()) {
        let registry = Registry::builtin();
        let mut state = EntityState::default();
        for event in &events {
            registry.apply_customer(&mut state, event);
        }
        let as_of = state.last_event_time_ms;
        let before = registry.features_at(&state, as_of, Purpose::Recommend);
        let bytes = registry.encode(Entity::Customer, &mut state);
        let back = registry.decode(&bytes).unwrap();
        prop_assert_eq!(&back, &state);
        prop_assert_eq!(registry.features_at(&back, as_of, Purpose::Recommend), before);
        let again = registry.encode(Entity::Customer, &mut back.clone());
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn junk_is_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let registry = Registry::builtin();
        if let Ok(mut state) = registry.decode(&bytes) {
            registry.apply_customer(&mut state, &event("a", EventKind::Click, NOW));
            registry.features_at(&state, NOW, Purpose::Recommend);
        }
    }
}

#[test]
fn other_versions_are_refused() {
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    registry.apply_customer(&mut state, &event("a", EventKind::Click, NOW));
    let bytes = registry.encode(Entity::Customer, &mut state);
    assert!(registry.decode(&bytes).is_ok());
    assert!(
        registry.decode(&bytes[..bytes.len() - 3]).is_err(),
        "cut off"
    );
    let empty = registry.decode(&[]).unwrap_err().to_string();
    assert_eq!(empty, "entity state: version `0` is not allowed: 1");
}

const OLD: &str = r#"
version: 1
entities: { customer: { idle_days: 90 }, product: { idle_days: 90 } }
events:
  impression: { stated_by: [app, partner, bank] }
  click: { stated_by: [app, partner, bank] }
  application: { stated_by: [app, partner, bank] }
  conversion: { stated_by: [bank] }
  holding_opened: { stated_by: [bank] }
  holding_closed: { stated_by: [bank] }
  repayment: { stated_by: [bank] }
  delinquency: { stated_by: [bank] }
  payment: { stated_by: [bank] }
  profile_updated: { stated_by: [app, partner, bank] }
  consent_changed: { stated_by: [app, partner, bank] }
  app_opened: { stated_by: [app, partner, bank] }
  search: { stated_by: [app, partner, bank] }
features:
  - { name: clicks, entity: customer, source: [click], aggregate: count, windows: [7d], unit: events, default: 0,
      ttl_days: 60, owner: growth, sensitivity: preference, purposes: [recommend], description: "Clicks." }
  - { name: searches, entity: customer, source: [search], aggregate: count, windows: [7d], unit: events, default: 0,
      ttl_days: 60, owner: growth, sensitivity: habit, purposes: [recommend], description: "Searches." }
"#;

#[test]
fn a_change_of_the_file_keeps_what_still_means_the_same() {
    let old = Registry::from_yaml(OLD).unwrap();
    let new = OLD
        .replace("searches", "opens")
        .replace("[search]", "[app_opened]");
    let new = Registry::from_yaml(&new).unwrap();
    assert_ne!(old.hash(), new.hash());

    let mut state = EntityState::default();
    old.apply_customer(&mut state, &event("a", EventKind::Click, NOW - DAY));
    old.apply_customer(&mut state, &event("b", EventKind::Search, NOW));
    let bytes = old.encode(Entity::Customer, &mut state);

    let mut state = new.decode(&bytes).unwrap();
    new.apply_customer(&mut state, &event("c", EventKind::Click, NOW));
    assert_eq!(state.series.len(), 1, "what nothing reads is dropped");
    let set = new.features_at(&state, NOW, Purpose::Recommend);
    let reader = FeatureReader::new(&new, &set).unwrap();
    assert_eq!(reader.number("clicks_7d"), Some(2.0));
    assert_eq!(reader.number("opens_7d"), Some(0.0));
}

#[test]
fn foreign_series_do_not_disturb() {
    let registry = Registry::builtin();
    let mut state = EntityState {
        series: vec![Series {
            series_id: 7,
            ..Series::default()
        }],
        ..EntityState::default()
    };
    registry.apply_customer(&mut state, &event("a", EventKind::Click, NOW));
    assert!(state.series.iter().all(|series| series.series_id != 7));
}
