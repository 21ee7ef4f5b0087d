//! Decoding of records, and grouping of their events by partition and entity.

use std::collections::HashMap;

use fairlead_chassis::telemetry::continue_trace;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_event_log::{Delivered, Provenance, Record, TRACEPARENT};
use fairlead_online::EntityKey;
use fairlead_proto::event::v1::Event;
use fairlead_registry::{Entity, EventError, Registry};
use prost::Message as _;
use tracing::Span;

use crate::dead_letter;
use crate::progress::Counts;

/// The rules by which records are judged.
pub(crate) struct Rules<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) provenance: &'r Provenance,
    /// The instant of processing.
    pub(crate) now_ms: i64,
}

/// The events of a poll, grouped by partition and entity.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    pub(crate) groups: Vec<EntityEvents>,
    pub(crate) dead_letters: Vec<Record>,
    /// The records that were rejected before any state was read.
    pub(crate) counts: Counts,
    /// Spans of records with a sampled trace; they end when the batch is visible.
    spans: Vec<Span>,
    index: HashMap<(i32, EntityKey), usize>,
}

/// The events of one partition for one entity, by ascending offset.
#[derive(Debug)]
pub(crate) struct EntityEvents {
    pub(crate) partition: i32,
    pub(crate) entity: Entity,
    pub(crate) key: EntityKey,
    pub(crate) events: Vec<EventRef>,
}

/// An event of a batch: its offset in the partition and its index in [`Batch::events`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventRef {
    pub(crate) offset: i64,
    pub(crate) index: usize,
}

impl Batch {
    /// Adds a record. `handled` is true if the record was applied before; if it is invalid, its
    /// dead letter was written then.
    pub(crate) fn add(&mut self, delivered: &Delivered, rules: &Rules<'_>, handled: bool) {
        match decode(delivered, rules) {
            Ok((event, keys)) => {
                self.continue_trace(&delivered.record);
                self.group(delivered, event, keys, rules.registry);
            }
            Err(_) if handled => self.counts.replayed += 1,
            Err(Rejection::TooLate) => self.counts.too_late += 1,
            Err(Rejection::Invalid(cause)) => {
                // The cause holds personal values, so it goes to the dead letter, not to the log.
                tracing::warn!(
                    partition = delivered.position.partition,
                    offset = delivered.position.offset,
                    "record dead-lettered"
                );
                self.counts.dead_lettered += 1;
                self.dead_letters
                    .push(dead_letter::record(delivered, cause, rules.now_ms));
            }
        }
    }

    fn group(&mut self, delivered: &Delivered, event: Event, keys: Keys, registry: &Registry) {
        let partition = delivered.position.partition;
        let event_ref = EventRef {
            offset: delivered.position.offset,
            index: self.events.len(),
        };
        if let Some(product) = keys.product
            && registry.concerns(Entity::Product, &event)
        {
            self.add_to_group(partition, Entity::Product, product, event_ref);
        }
        self.add_to_group(partition, Entity::Customer, keys.customer, event_ref);
        self.events.push(event);
    }

    fn add_to_group(&mut self, partition: i32, entity: Entity, key: EntityKey, event: EventRef) {
        let next = self.groups.len();
        let index = *self.index.entry((partition, key.clone())).or_insert(next);
        if index == next {
            self.groups.push(EntityEvents {
                partition,
                entity,
                key,
                events: Vec::new(),
            });
        }
        self.groups[index].events.push(event);
    }

    fn continue_trace(&mut self, record: &Record) {
        let header = record.header(TRACEPARENT);
        let Some(parent) = header.and_then(|value| std::str::from_utf8(value).ok()) else {
            return;
        };
        // The last two digits are the flags; the lowest bit means sampled.
        let flags = parent.rsplit('-').next();
        let sampled = flags.and_then(|flags| u8::from_str_radix(flags, 16).ok());
        if sampled.is_some_and(|flags| flags & 1 == 1) {
            let span = tracing::info_span!("apply_event");
            continue_trace(&span, parent);
            self.spans.push(span);
        }
    }
}

/// The keys of the entities that an event may change.
struct Keys {
    customer: EntityKey,
    product: Option<EntityKey>,
}

/// The reason why a record is not applied.
enum Rejection {
    TooLate,
    /// The record is no valid event, with the cause for the dead letter.
    Invalid(String),
}

fn decode(delivered: &Delivered, rules: &Rules<'_>) -> Result<(Event, Keys), Rejection> {
    let payload = &delivered.record.payload;
    if payload.is_empty() {
        let cause = "an empty payload is not allowed: an encoded fairlead.event.v1.Event";
        return Err(Rejection::Invalid(cause.into()));
    }
    let event = Event::decode(payload.clone()).map_err(|cause| {
        Rejection::Invalid(format!(
            "{} bytes that are no fairlead.event.v1.Event: {cause}",
            payload.len()
        ))
    })?;
    let origin = rules.provenance.origin_of(delivered);
    rules
        .registry
        .check_event(&event, rules.now_ms)
        .and_then(|()| rules.registry.check_authority(&event, origin))
        .map_err(|error| match error {
            EventError::TooLate { .. } => Rejection::TooLate,
            EventError::Refused { .. } | EventError::Unauthorised { .. } => {
                Rejection::Invalid(error.to_string())
            }
        })?;
    let keys = keys(&event).map_err(|error| Rejection::Invalid(error.to_string()))?;
    Ok((event, keys))
}

fn keys(event: &Event) -> Result<Keys, fairlead_domain::Error> {
    let tenant = TenantId::new(&event.tenant)?;
    let customer = CustomerId::new(&event.customer_id)?;
    let product = if event.product_id.is_empty() {
        None
    } else {
        let product = ProductId::new(&event.product_id)?;
        Some(EntityKey::product(&tenant, &product))
    };
    Ok(Keys {
        customer: EntityKey::customer(&tenant, &customer),
        product,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fairlead_domain::Origin;
    use fairlead_event_log::Position;
    use fairlead_proto::event::v1::EventKind;

    use super::*;

    const NOW: i64 = 1_763_893_050_000;

    fn delivered(partition: i32, offset: i64, record: Record) -> Delivered {
        Delivered {
            topic: Arc::from("events"),
            position: Position { partition, offset },
            record,
        }
    }

    fn click(customer: &str) -> Record {
        let event = Event {
            event_id: "e".into(),
            tenant: "acme".into(),
            customer_id: customer.into(),
            kind: EventKind::Click.into(),
            event_time_ms: NOW,
            product_id: "P-1".into(),
            ..Event::default()
        };
        Record::new("key", event.encode_to_vec())
    }

    fn batch_of(records: &[Delivered]) -> Batch {
        let mut batch = Batch::default();
        let rules = Rules {
            registry: &Registry::builtin(),
            provenance: &Provenance::Topic(Origin::Bank),
            now_ms: NOW,
        };
        for record in records {
            batch.add(record, &rules, false);
        }
        batch
    }

    #[test]
    fn records_are_grouped_by_partition_and_entity() {
        let batch = batch_of(&[
            delivered(0, 5, click("anna")),
            delivered(1, 9, click("anna")),
            delivered(0, 6, click("boris")),
            delivered(0, 7, click("anna")),
        ]);
        let offsets = |group: &EntityEvents| -> Vec<i64> {
            group.events.iter().map(|event| event.offset).collect()
        };
        let customers: Vec<_> = batch
            .groups
            .iter()
            .filter(|group| group.entity == Entity::Customer)
            .map(|group| (group.partition, offsets(group)))
            .collect();
        assert_eq!(customers, [(0, vec![5, 7]), (1, vec![9]), (0, vec![6])]);
        let products: Vec<_> = batch
            .groups
            .iter()
            .filter(|group| group.entity == Entity::Product)
            .map(|group| (group.partition, offsets(group)))
            .collect();
        assert_eq!(products, [(0, vec![5, 6, 7]), (1, vec![9])]);
    }

    #[test]
    fn only_sampled_traces_are_continued() {
        let traced = |value: &str| {
            let record = click("anna").with_header(TRACEPARENT, value.to_owned());
            batch_of(&[delivered(0, 0, record)]).spans.len()
        };
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        assert_eq!(traced(&format!("{trace}-01")), 1);
        assert_eq!(traced(&format!("{trace}-00")), 0);
        assert_eq!(traced("malformed"), 0);
        assert_eq!(traced(""), 0);
    }
}
