//! The feature registry: defines each feature, turns events into state, state into values, and
//! values into model inputs. One definition serves the stream, the replay, the models and the data
//! catalogue.
//!
//! In order: [`Registry::from_yaml`] checks the definitions; [`Registry::check_event`] checks an
//! event, [`Registry::check_authority`] who states it; [`Registry::apply_customer`] and [`Registry::apply_product`] fold it into an
//! `EntityState`; [`Registry::features_at`] reads values at an instant for one [`Purpose`];
//! [`FeatureReader`] reads them by name; [`input::Assembler`] makes model inputs of them.
//!
//! # Invariants
//! - Values depend on the events applied and the instant asked for, on nothing else: no clock is
//!   read here, no randomness, no I/O.
//! - Window values do not depend on the order in which events came, and are exact for every
//!   instant from five minutes before the newest event on ([`FUTURE_TOLERANCE_MS`]).
//! - State is bounded: tiles by the windows, sequences and the ring of event ids by their lengths,
//!   attributes by the registry.
//! - A [`Purpose`] is always one of the four; a value whose definition does not allow the purpose
//!   is not in the answer. A price never rests on behaviour, preference, habit or protected
//!   attributes: such a definition does not parse.
//! - A price or a fraud check rests on what the bank states, on nothing that an app or a partner
//!   says: such a definition does not parse either.
//! - No NaN and no infinity enters state, features or model inputs.
//!
//! # What it must not depend on
//! Anything that does I/O, and any crate of the workspace but `fairlead-domain` and
//! `fairlead-proto`.

mod apply;
mod attribute;
mod authority;
mod check;
mod definition;
mod error;
mod event_kinds;
mod features;
pub mod input;
mod layout;
mod limits;
mod merge;
mod parse;
mod purpose;
mod reader;
mod registry;
mod rules;
mod sequence;
mod state;
mod tiles;
mod window;
mod yaml;

pub use crate::apply::Applied;
pub use crate::check::EventError;
pub use crate::definition::{Aggregate, Derive, Feature, Statement, ValueType};
pub use crate::error::Error;
pub use crate::layout::Layout;
pub use crate::limits::{
    EARLIEST_EVENT_MS, FUTURE_TOLERANCE_MS, MAX_AMOUNT_MINOR, MAX_ATTRIBUTES, MAX_TEXT_CHARS,
};
pub use crate::purpose::{Entity, Purpose, PurposeSet, Sensitivity};
pub use crate::reader::FeatureReader;
pub use crate::registry::Registry;
pub use crate::state::RECENT_EVENT_IDS;
pub use crate::window::{Tile, Window};
