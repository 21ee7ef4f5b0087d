//! Events on products, and the features of the customers to whom they happened.

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_registry::{Purpose, Registry};

use crate::NOW_MS;

/// Returns the features, for recommending, of a customer to whom this happened.
pub fn features(events: &[Event]) -> FeatureSet {
    let registry = Registry::builtin();
    let mut state = EntityState::default();
    for event in events {
        registry.apply_customer(&mut state, event);
    }
    registry.features_at(&state, NOW_MS, Purpose::Recommend)
}

/// Returns an event on a product, so many milliseconds before [`NOW_MS`].
pub fn on_product(kind: EventKind, product: &str, ago_ms: i64) -> Event {
    Event {
        event_id: format!("{kind:?}-{product}-{ago_ms}"),
        kind: kind.into(),
        event_time_ms: NOW_MS - ago_ms,
        product_id: product.into(),
        ..Event::default()
    }
}
