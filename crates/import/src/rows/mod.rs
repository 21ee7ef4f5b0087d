//! Converts rows to products and events.

mod attributes;
mod content_id;
mod customer;
mod event;
mod product;

pub(crate) use attributes::{AttributeKind, AttributeTypes};
pub(crate) use content_id::Place;
pub(crate) use customer::{columns as customer_columns, events as customer_events};
pub(crate) use event::{columns as event_columns, event};
pub(crate) use product::product;
