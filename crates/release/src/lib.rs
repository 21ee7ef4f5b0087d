//! What is live: the parsed and checked release, who may be shown its products, and how a
//! service follows it.
//!
//! A [`Live`] is made from the wire's `Release` by [`Live::check`], which collects *every*
//! finding. The control plane calls it before it publishes, and a service calls it before it
//! swaps: what one accepts the other accepts. A [`Follower`] keeps a [`ReleaseHandle`] at the
//! newest release, and keeps the last good one on disk, so that a service starts and serves
//! without the control plane. A [`Derived`] is what a service makes of a release (an index, a
//! compiled table), rebuilt in the background, kept when a build fails. What became of a release is
//! noted in [`Reports`], and told to the control plane by the follower.
//!
//! ```text
//! control plane --Watch--> Follower --Live::check--> ReleaseHandle --> Derived<T>
//!                             |  ^
//!                 last good   v  | at start
//!                            file (checksum, written whole)
//! ```
//!
//! # Invariants
//! - A [`Live`] is valid: ids are unique, terms fit the kind, amounts are in the product's
//!   currency, every reference resolves, the experiment plan compiles, the content hash holds.
//! - A release never changes after it was published; a newer revision replaces it, an older or
//!   broken one never does.
//! - [`eligibility::judge`] is pure: product, facts and instant in, verdict out. Recall and the
//!   final slate call the same.
//!
//! # Must not depend on
//! Any service, the control database, the feature store. Whether a model's folder is there is
//! not checked here: a service finds out when it loads it, and keeps the old one.

mod catalogue;
mod checks;
mod content_hash;
mod derived;
pub mod eligibility;
mod error;
mod finding;
mod follow;
mod handle;
mod last_good;
mod live;
mod model_folder;
mod parameters;
mod plan;
mod products;
mod reports;

pub use catalogue::Catalogue;
pub use checks::check_settings;
pub use content_hash::content_hash;
pub use derived::{Derived, DerivedStatus};
pub use error::Error;
pub use finding::{Finding, Rule, Severity, blocks};
pub use follow::{FollowOptions, Follower};
pub use handle::ReleaseHandle;
pub use last_good::LastGood;
pub use live::{Live, Overrides};
pub use model_folder::model_folder_hash;
pub use parameters::{
    Declared, Parameters, RankingParameters, RecallParameters, SlateOrder, SlateParameters,
    declared,
};
pub use plan::{check_experiments, check_expression, strategy_parameter};
pub use products::check_product;
pub use reports::{Report, Reporter, Reports};
