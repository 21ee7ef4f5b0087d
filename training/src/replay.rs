//! Replay: computes the features of a history as they were, with the window code that serves.

use std::collections::HashMap;

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_registry::{Purpose, Registry};

use crate::history::{History, Outcomes};

/// An impression of a product with its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Impression {
    /// The customer's features: an index of [`ReplayedHistory::snapshots`].
    pub(crate) snapshot: usize,
    pub(crate) product: String,
    /// The product's counters as they were: an index of [`ReplayedHistory::counters`].
    pub(crate) counters: usize,
    pub(crate) clicked: bool,
    pub(crate) converted: bool,
}

/// A product that a customer opened or took, with the features before the event.
#[derive(Debug, Clone)]
pub(crate) struct Interaction {
    pub(crate) snapshot: usize,
    pub(crate) product: String,
}

/// The result of a replay.
#[derive(Debug, Default)]
pub(crate) struct ReplayedHistory {
    /// The features of customers, each at an instant.
    pub(crate) snapshots: Vec<FeatureSet>,
    /// The customer of each snapshot.
    pub(crate) customers: Vec<String>,
    /// The counters of products, each at an instant.
    pub(crate) counters: Vec<Vec<f64>>,
    pub(crate) impressions: Vec<Impression>,
    pub(crate) interactions: Vec<Interaction>,
    /// The features of every customer at the end of the history, by customer.
    pub(crate) last: Vec<(String, FeatureSet)>,
}

/// A replay that is running.
struct Replay<'r> {
    registry: &'r Registry,
    customers: HashMap<String, EntityState>,
    products: HashMap<String, EntityState>,
    /// The newest counters of each product: the minute that they are for, and their index. Serving
    /// refreshes counters every few seconds, so one computation per minute suffices.
    counters_of: HashMap<String, (i64, usize)>,
    /// The newest request of each customer with its snapshot.
    request_of: HashMap<String, (String, usize)>,
    out: ReplayedHistory,
}

/// Replays a history.
pub(crate) fn replay(registry: &Registry, history: &History) -> ReplayedHistory {
    let outcomes = Outcomes::join(history);
    let mut replay = Replay {
        registry,
        customers: HashMap::new(),
        products: HashMap::new(),
        counters_of: HashMap::new(),
        request_of: HashMap::new(),
        out: ReplayedHistory::default(),
    };
    for event in history.events() {
        replay.record(event, &outcomes);
        replay.apply(event);
    }
    replay.finish(history.window().1)
}

impl Replay<'_> {
    /// Records the impression or interaction of an event, before the event changes any feature.
    fn record(&mut self, event: &Event, outcomes: &Outcomes<'_>) {
        match event.kind() {
            EventKind::Impression => {
                let outcome = outcomes.get(event);
                let impression = Impression {
                    snapshot: self.snapshot(event),
                    product: event.product_id.clone(),
                    counters: self.counters(&event.product_id, event.event_time_ms),
                    clicked: outcome.clicked,
                    converted: outcome.converted,
                };
                self.out.impressions.push(impression);
            }
            EventKind::Click | EventKind::Conversion | EventKind::HoldingOpened => {
                let snapshot = self.snapshot(event);
                self.out.interactions.push(Interaction {
                    snapshot,
                    product: event.product_id.clone(),
                });
            }
            _ => {}
        }
    }

    /// Returns the index of the customer's features: one snapshot for all events of a request, as
    /// they were when it was answered.
    fn snapshot(&mut self, event: &Event) -> usize {
        let within = self.request_of.get(&event.customer_id);
        if let Some((request, snapshot)) = within
            && !event.request_id.is_empty()
            && *request == event.request_id
        {
            return *snapshot;
        }
        let empty = EntityState::default();
        let state = self.customers.get(&event.customer_id).unwrap_or(&empty);
        let set = self
            .registry
            .features_at(state, event.event_time_ms, Purpose::Recommend);
        self.out.snapshots.push(set);
        self.out.customers.push(event.customer_id.clone());
        let snapshot = self.out.snapshots.len() - 1;
        self.request_of.insert(
            event.customer_id.clone(),
            (event.request_id.clone(), snapshot),
        );
        snapshot
    }

    /// Returns the index of a product's counters at an instant.
    fn counters(&mut self, product: &str, at_ms: i64) -> usize {
        let minute = at_ms.div_euclid(60_000);
        if let Some((computed_for, row)) = self.counters_of.get(product)
            && *computed_for == minute
        {
            return *row;
        }
        let empty = EntityState::default();
        let state = self.products.get(product).unwrap_or(&empty);
        self.out
            .counters
            .push(self.registry.product_features_at(state, at_ms));
        let row = self.out.counters.len() - 1;
        self.counters_of.insert(product.to_owned(), (minute, row));
        row
    }

    /// Applies an event to the customer's and the product's windows.
    fn apply(&mut self, event: &Event) {
        let state = self.customers.entry(event.customer_id.clone()).or_default();
        self.registry.apply_customer(state, event);
        if !event.product_id.is_empty() {
            let state = self.products.entry(event.product_id.clone()).or_default();
            self.registry.apply_product(state, event);
        }
    }

    /// Adds the features of every customer at the end.
    fn finish(self, at_ms: i64) -> ReplayedHistory {
        let mut out = self.out;
        out.last = self
            .customers
            .iter()
            .map(|(id, state)| {
                (
                    id.clone(),
                    self.registry.features_at(state, at_ms, Purpose::Recommend),
                )
            })
            .collect();
        out.last.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }
}
