//! From records to events, grouped by what they change.

use std::collections::HashMap;

use fairlead_chassis::telemetry::continue_trace;
use fairlead_domain::{CustomerId, ProductId, TenantId};
use fairlead_event_log::{Delivered, Record, TRACEPARENT};
use fairlead_online::EntityKey;
use fairlead_proto::event::v1::Event;
use fairlead_registry::{Entity, EventError, Registry};
use prost::Message as _;
use tracing::Span;

use crate::dead_letter;
use crate::progress::Counts;

/// The events of a poll, by entity and partition.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    pub(crate) groups: Vec<Group>,
    pub(crate) dead_letters: Vec<Record>,
    /// What was judged before any state was looked at.
    pub(crate) counts: Counts,
    /// Spans of records that carry a sampled trace; they end when the batch is visible.
    spans: Vec<Span>,
    index: HashMap<(i32, EntityKey), usize>,
}

/// Events of one partition for one entity, ascending in offset.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) partition: i32,
    pub(crate) entity: Entity,
    pub(crate) key: EntityKey,
    pub(crate) events: Vec<Place>,
}

/// An event of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) offset: i64,
    pub(crate) event: usize,
}

impl Batch {
    /// Takes a record. `handled` says that its dead letter, if it makes one, was written before.
    pub(crate) fn take(
        &mut self,
        delivered: &Delivered,
        registry: &Registry,
        now_ms: i64,
        handled: bool,
    ) {
        match read(delivered, registry, now_ms) {
            Ok((event, keys)) => {
                self.trace(&delivered.record);
                self.group(delivered, event, keys, registry);
            }
            Err(Unreadable::TooLate) if handled => self.counts.replayed += 1,
            Err(Unreadable::TooLate) => self.counts.too_late += 1,
            Err(Unreadable::Junk(_)) if handled => self.counts.replayed += 1,
            Err(Unreadable::Junk(cause)) => {
                tracing::warn!(
                    topic = %delivered.topic,
                    partition = delivered.position.partition,
                    offset = delivered.position.offset,
                    cause,
                    "record dead-lettered"
                );
                self.counts.dead_lettered += 1;
                self.dead_letters
                    .push(dead_letter::record(delivered, cause, now_ms));
            }
        }
    }

    fn group(&mut self, delivered: &Delivered, event: Event, keys: Keys, registry: &Registry) {
        let partition = delivered.position.partition;
        let place = Place {
            offset: delivered.position.offset,
            event: self.events.len(),
        };
        if let Some(product) = keys.product
            && registry.concerns(Entity::Product, &event)
        {
            self.add(partition, Entity::Product, product, place);
        }
        self.add(partition, Entity::Customer, keys.customer, place);
        self.events.push(event);
    }

    fn add(&mut self, partition: i32, entity: Entity, key: EntityKey, place: Place) {
        let next = self.groups.len();
        let index = *self.index.entry((partition, key.clone())).or_insert(next);
        if index == next {
            self.groups.push(Group {
                partition,
                entity,
                key,
                events: Vec::new(),
            });
        }
        self.groups[index].events.push(place);
    }

    fn trace(&mut self, record: &Record) {
        let header = record.header(TRACEPARENT);
        let Some(parent) = header.and_then(|value| std::str::from_utf8(value).ok()) else {
            return;
        };
        // The last two digits are the flags; the lowest says whether anyone wants to see it.
        let flags = parent.rsplit('-').next();
        let sampled = flags.and_then(|flags| u8::from_str_radix(flags, 16).ok());
        if sampled.is_some_and(|flags| flags & 1 == 1) {
            let span = tracing::info_span!("apply_event");
            continue_trace(&span, parent);
            self.spans.push(span);
        }
    }
}

struct Keys {
    customer: EntityKey,
    product: Option<EntityKey>,
}

enum Unreadable {
    TooLate,
    Junk(String),
}

fn read(
    delivered: &Delivered,
    registry: &Registry,
    now_ms: i64,
) -> Result<(Event, Keys), Unreadable> {
    let payload = &delivered.record.payload;
    if payload.is_empty() {
        let cause = "an empty payload is not allowed: an encoded fairlead.event.v1.Event";
        return Err(Unreadable::Junk(cause.into()));
    }
    let event = Event::decode(payload.clone()).map_err(|cause| {
        Unreadable::Junk(format!(
            "{} bytes that are no fairlead.event.v1.Event: {cause}",
            payload.len()
        ))
    })?;
    registry
        .check_event(&event, now_ms)
        .map_err(|error| match error {
            EventError::TooLate { .. } => Unreadable::TooLate,
            EventError::Refused { .. } => Unreadable::Junk(error.to_string()),
        })?;
    let keys = keys(&event).map_err(|error| Unreadable::Junk(error.to_string()))?;
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
