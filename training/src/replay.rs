//! Replay: history through the very window code that serves, giving features as they were.

use std::collections::HashMap;

use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::feature::v1::{EntityState, FeatureSet};
use fairlead_registry::{Purpose, Registry};

use crate::history::{History, Outcomes};

/// A product that was shown, at the instant it was shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Row of the customer's features in [`Replayed::moments`].
    pub(crate) moment: usize,
    pub(crate) product: String,
    /// Row of [`Replayed::counters`]: the product's counters as they were.
    pub(crate) counters: usize,
    pub(crate) clicked: bool,
    pub(crate) converted: bool,
}

/// A product that a customer opened or took, with the features just before.
#[derive(Debug, Clone)]
pub(crate) struct Liked {
    pub(crate) moment: usize,
    pub(crate) product: String,
}

/// What a replay gives.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// A customer's features at an instant.
    pub(crate) moments: Vec<FeatureSet>,
    /// Whose they are.
    pub(crate) customer: Vec<String>,
    pub(crate) counters: Vec<Vec<f64>>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) liked: Vec<Liked>,
    /// Features of every customer after the whole history, by customer.
    pub(crate) last: Vec<(String, FeatureSet)>,
}

struct Replay<'r> {
    registry: &'r Registry,
    customers: HashMap<String, EntityState>,
    products: HashMap<String, EntityState>,
    /// The counters row of a product and the minute it was computed in: serving refreshes every
    /// few seconds, so a row holds for the minute.
    counters_of: HashMap<String, (i64, usize)>,
    /// The moment of the request that a customer is in.
    request_of: HashMap<String, (String, usize)>,
    out: Replayed,
}

/// Replays a history.
pub(crate) fn replay(registry: &Registry, history: &History) -> Replayed {
    let outcomes = Outcomes::of(history);
    let mut replay = Replay {
        registry,
        customers: HashMap::new(),
        products: HashMap::new(),
        counters_of: HashMap::new(),
        request_of: HashMap::new(),
        out: Replayed::default(),
    };
    for event in history.events() {
        replay.note(event, &outcomes);
        replay.apply(event);
    }
    replay.finish(history.window().1)
}

impl Replay<'_> {
    /// Takes down what is to be learnt from an event, before it changes anything.
    fn note(&mut self, event: &Event, outcomes: &Outcomes<'_>) {
        match event.kind() {
            EventKind::Impression => {
                let outcome = outcomes.get(event);
                let shown = Shown {
                    moment: self.moment(event),
                    product: event.product_id.clone(),
                    counters: self.counters(&event.product_id, event.event_time_ms),
                    clicked: outcome.clicked,
                    converted: outcome.converted,
                };
                self.out.shown.push(shown);
            }
            EventKind::Click | EventKind::Conversion | EventKind::HoldingOpened => {
                let moment = self.moment(event);
                self.out.liked.push(Liked {
                    moment,
                    product: event.product_id.clone(),
                });
            }
            _ => {}
        }
    }

    /// The row of the customer's features: one for all that happens within a request, as they were
    /// when it was answered.
    fn moment(&mut self, event: &Event) -> usize {
        let within = self.request_of.get(&event.customer_id);
        if let Some((request, moment)) = within
            && !event.request_id.is_empty()
            && *request == event.request_id
        {
            return *moment;
        }
        let nothing = EntityState::default();
        let state = self.customers.get(&event.customer_id).unwrap_or(&nothing);
        let set = self
            .registry
            .features_at(state, event.event_time_ms, Purpose::Recommend);
        self.out.moments.push(set);
        self.out.customer.push(event.customer_id.clone());
        let moment = self.out.moments.len() - 1;
        self.request_of.insert(
            event.customer_id.clone(),
            (event.request_id.clone(), moment),
        );
        moment
    }

    fn counters(&mut self, product: &str, at_ms: i64) -> usize {
        let minute = at_ms.div_euclid(60_000);
        if let Some((of, row)) = self.counters_of.get(product)
            && *of == minute
        {
            return *row;
        }
        let nothing = EntityState::default();
        let state = self.products.get(product).unwrap_or(&nothing);
        self.out
            .counters
            .push(self.registry.product_features_at(state, at_ms));
        let row = self.out.counters.len() - 1;
        self.counters_of.insert(product.to_owned(), (minute, row));
        row
    }

    fn apply(&mut self, event: &Event) {
        let state = self.customers.entry(event.customer_id.clone()).or_default();
        self.registry.apply_customer(state, event);
        if !event.product_id.is_empty() {
            let state = self.products.entry(event.product_id.clone()).or_default();
            self.registry.apply_product(state, event);
        }
    }

    fn finish(self, at_ms: i64) -> Replayed {
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
