//! The customer profile service: features for the purposes asked, consent, suitability, holdings,
//! what was shown lately, segments, and the attributes that experiments may target.
//!
//! One read of one Redis key gives the state of a customer; everything in the answer is worked out
//! from it by the feature registry, the code that also replays history, at one instant.
//! It also reads the index of decision records, which is in the same store.
//!
//! # Invariants
//! - A feature set holds what its purpose allows, and no more.
//! - Segments that pricing may read are decided by features of the purpose price alone: a
//!   segmentation that breaks this does not compile, and the segmentations in use stay.
//! - An unknown customer gets the anonymous profile: defaults, no consent to personalisation.
//! - Without the store there is no answer (`UNAVAILABLE`), never an anonymous profile of a
//!   customer who may have withdrawn consent or hold products.
//!
//! # What it must not depend on
//! Any other service; a database other than the feature store.

mod config;
mod error;
mod profile;
mod request;
mod segments;
mod service;
mod targeting;

pub use config::Config;
pub use error::Error;
pub use service::{Deps, Service};
