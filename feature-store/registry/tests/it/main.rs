//! The registry's promises to its users: faulty definitions are refused, values do not depend on
//! the order of events, a purpose gets its own features only, model inputs follow their spec.

mod authority;
mod checking;
mod definitions;
mod events;
mod folding;
mod inputs;
mod purposes;
mod storing;
