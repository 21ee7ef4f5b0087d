//! What a user of the registry sees: definitions that are refused, values that do not depend on
//! the order of events, purposes that keep their word, model inputs.

mod definitions;
mod door;
mod events;
mod folding;
mod inputs;
mod purposes;
mod storing;
