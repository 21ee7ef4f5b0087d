//! Following releases: from the last good one on disk at once, then from the control plane.
//!
//! A [`Follower`] keeps a [`ReleaseHandle`] at the newest release that passes
//! [`Live::check`](fairlead_release::Live::check), and keeps the last good one on disk
//! ([`LastGood`]), so that a service starts and serves without the control plane. A [`Derived`] is
//! what a service makes of a release (an index, a compiled table): built beside requests, swapped
//! in one step, kept when a build fails. It may also be made of [`Models`] that the release names and
//! of what is [`Refreshed`] again and again. What became of a release is noted in [`Reports`], and the
//! follower tells it to the control plane.
//!
//! ```text
//! control plane --Watch--> Follower --Live::check--> ReleaseHandle --> Derived<T>
//!                             |  ^                                      ^
//!                 last good   v  | at start            Models, Refreshed
//!                       file (checksum, renamed into place)
//! ```
//!
//! # Invariants
//! - A newer revision replaces a release; an older one, or one that does not pass, never does.
//! - Reading a handle or a derived value never waits, and a reader keeps what it read.
//! - A failed build or a lost control plane leaves the last good value in use.
//!
//! # Must not depend on
//! Any service, the control database, the feature store, libtorch.

mod derived;
mod error;
mod follow;
mod handle;
mod last_good;
mod model_folder;
mod models;
mod panic;
mod refreshed;
mod reports;

pub use derived::{Derived, DerivedStatus};
pub use error::Error;
pub use follow::{FollowOptions, Follower};
pub use handle::ReleaseHandle;
pub use last_good::LastGood;
pub use model_folder::model_folder_hash;
pub use models::{Models, Standing};
pub use refreshed::{RefreshOptions, Refreshed};
pub use reports::{Report, Reporter, Reports};
