//! One customer's events become features for two purposes, and how long that takes.
//!
//! `cargo run --release -p fairlead-registry --example one_customer`

use std::time::Instant;

use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value};
use fairlead_proto::feature::v1::EntityState;
use fairlead_registry::input::{Assembler, InputSpec};
use fairlead_registry::{Entity, Error, FeatureReader, Purpose, Registry};

const NOW: i64 = 1_763_893_050_000;
const EVENTS: i64 = 2_000;

fn main() -> Result<(), Error> {
    let registry = Registry::builtin();
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    let mut state = EntityState::default();
    let started = Instant::now();
    for event in &events {
        registry.apply_customer(&mut state, event);
    }
    let apply = started.elapsed() / EVENTS as u32;

    for purpose in [Purpose::Recommend, Purpose::Price] {
        let set = registry.features_at(&state, NOW, purpose);
        let reader = FeatureReader::new(&registry, &set)?;
        println!("for purpose {purpose}:");
        for name in reader.layout().number_names() {
            match reader.number(name) {
                Some(value) => println!("  {name:<30} {value}"),
                None => println!("  {name:<30} not observed"),
            }
        }
        for name in reader.layout().category_names() {
            println!(
                "  {name:<30} {}",
                reader.category(name).unwrap_or("not observed")
            );
        }
        for name in reader.layout().sequence_names() {
            println!("  {name:<30} {} entries", reader.sequence(name).len());
        }
    }

    let vocabulary: Vec<_> = (0..300).map(|product| format!("P-{product}")).collect();
    let assembler = Assembler::new(&registry, InputSpec::default_for(&registry), &vocabulary)?;
    let rounds = 20_000;
    let read = timed(rounds, || {
        std::hint::black_box(registry.features_at(&state, NOW, Purpose::Recommend));
    });
    let set = registry.features_at(&state, NOW, Purpose::Recommend);
    let (mut dense, mut ids) = (Vec::new(), Vec::new());
    let assemble = timed(rounds, || {
        dense.clear();
        ids.clear();
        let _ = std::hint::black_box(assembler.user(&set, &mut dense, &mut ids));
    });
    let bytes = registry.encode(Entity::Customer, &mut state);
    let encode = timed(rounds, || {
        std::hint::black_box(registry.encode(Entity::Customer, &mut state));
    });
    let decode = timed(rounds, || {
        let _ = std::hint::black_box(registry.decode(&bytes));
    });
    println!(
        "apply {apply:?} an event; features {read:?}, inputs {assemble:?}, encode {encode:?}, \
         decode {decode:?} a customer of {} bytes",
        bytes.len()
    );
    Ok(())
}

/// The shortest of ten measurements: the others were disturbed.
fn timed(rounds: u32, mut work: impl FnMut()) -> std::time::Duration {
    let mut shortest = std::time::Duration::MAX;
    for _ in 0..10 {
        let started = Instant::now();
        for _ in 0..rounds / 10 {
            work();
        }
        shortest = shortest.min(started.elapsed() / (rounds / 10));
    }
    shortest
}

fn event(index: i64) -> Event {
    let kind = [
        EventKind::Impression,
        EventKind::Click,
        EventKind::AppOpened,
        EventKind::ProfileUpdated,
    ][(index % 4) as usize];
    let text = |text: &str| AttributeValue {
        value: Some(attribute_value::Value::Text(text.into())),
    };
    let attributes = match kind {
        EventKind::ProfileUpdated => [
            ("region".to_owned(), text("north")),
            ("device".to_owned(), text("ios")),
        ]
        .into(),
        _ => std::collections::BTreeMap::default(),
    };
    Event {
        event_id: format!("e{index}"),
        tenant: "acme".into(),
        customer_id: "c-1".into(),
        kind: kind.into(),
        event_time_ms: NOW - (EVENTS - index) * 977_000,
        product_id: if matches!(kind, EventKind::Impression | EventKind::Click) {
            format!("P-{}", index % 300)
        } else {
            String::new()
        },
        product_kind: (index % 6 + 1) as i32,
        attributes,
        ..Event::default()
    }
}
