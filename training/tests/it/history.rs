//! Histories with known structure: two groups of taste, and pairs that are held together.

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{DepositTerms, Product, ProductKind};
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_training::History;

const PRODUCTS: usize = 10;
const START_MS: i64 = 1_764_000_000_000;
const MINUTE_MS: i64 = 60_000;

pub(crate) fn catalogue() -> Vec<Product> {
    let product = |at: usize| Product {
        product_id: id(at),
        kind: ProductKind::Deposit.into(),
        name: format!("Deposit {at}"),
        category: "any".to_owned(),
        currency: "CNY".to_owned(),
        active: true,
        terms: Some(Terms::Deposit(DepositTerms::default())),
        ..Product::default()
    };
    (0..PRODUCTS).map(product).collect()
}

fn id(product: usize) -> String {
    format!("P{product}")
}

fn event(kind: EventKind, customer: usize, at_ms: i64, product: usize) -> Event {
    Event {
        event_id: format!("{customer}-{}-{at_ms}-{product}", kind as i32),
        tenant: "acme".to_owned(),
        customer_id: format!("c{customer}"),
        kind: kind.into(),
        event_time_ms: at_ms,
        product_id: id(product),
        product_kind: ProductKind::Deposit.into(),
        ..Event::default()
    }
}

/// Makes a history in which each customer is shown four products eight times. One with an even number
/// opens even products and takes every third that is opened, one with an odd number the odd ones. All
/// products are equally popular.
pub(crate) fn sessions() -> History {
    let mut events = Vec::new();
    for round in 0..8 {
        for customer in 0..150 {
            let at_ms = START_MS + (round * 150 + customer as i64) * MINUTE_MS;
            let request = format!("{customer}-{round}");
            for place in 0..4 {
                let product = (customer / 2 + round as usize * 3 + place) % PRODUCTS;
                let said = |kind, at_ms| Event {
                    request_id: request.clone(),
                    position: place as i32 + 1,
                    ..event(kind, customer, at_ms, product)
                };
                events.push(said(EventKind::Impression, at_ms));
                if product % 2 == customer % 2 {
                    events.push(said(EventKind::Click, at_ms + 1_000));
                    if (product + customer).is_multiple_of(3) {
                        events.push(said(EventKind::Conversion, at_ms + 2_000));
                    }
                }
            }
        }
    }
    History::new(events)
}

/// Makes a history in which each customer holds two neighbouring products: 0 with 1, 2 with 3, ...
pub(crate) fn holdings() -> History {
    let mut events = Vec::new();
    for customer in 0..400 {
        let pair = customer % (PRODUCTS / 2);
        for product in [2 * pair, 2 * pair + 1] {
            let at_ms = START_MS + customer as i64 * MINUTE_MS + product as i64;
            events.push(event(EventKind::HoldingOpened, customer, at_ms, product));
        }
    }
    History::new(events)
}
