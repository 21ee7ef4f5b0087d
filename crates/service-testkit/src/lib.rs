//! Starts one service for its own tests: served over TCP, on a Redis of its own, with the releases,
//! products and events that tests publish and ask about.
//!
//! # Invariants
//! - A service under test is reached as in production: through a link, over a socket.
//! - No fixed port, no fixed wait: every wait ends with what it waits for, or after [`PATIENCE`].
//!
//! # What it must not depend on
//! Any service. It is a dev-dependency of services alone; crates below them use
//! `fairlead-testkit`, which knows no other crate of the workspace.

mod events;
mod release;
mod server;
mod store;

use std::time::Duration;

use fairlead_domain::TenantId;

pub use events::{features, on_product};
pub use release::{checked, cny, deposit, release, sealed};
pub use server::{Server, ask_until, until, within};
pub use store::Store;

/// The instant at which tests ask.
pub const NOW_MS: i64 = 1_760_000_000_000;
/// A day, in milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;
/// The longest that a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The tenant of every test.
pub fn tenant() -> TenantId {
    TenantId::new("acme").expect("the name follows the rules for tenants")
}
