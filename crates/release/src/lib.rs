//! A release: parsed, checked and ready to be asked, and the rules on who may be shown its
//! products.
//!
//! A [`Live`] is made from the wire's `Release` by [`Live::check`], which collects *every*
//! finding. The control plane calls it before it publishes, and a service calls it before it
//! swaps: what one accepts, the other accepts. [`eligibility::judge`] decides who may be shown a
//! product.
//!
//! # Invariants
//! - A [`Live`] is valid: ids are unique, terms fit the kind, amounts are in the product's
//!   currency, every reference resolves, the experiment plan compiles, the content hash holds.
//! - A release never changes after it was published.
//! - [`eligibility::judge`] is pure: product, facts and instant in, verdict out. Recall and the
//!   final slate call the same function.
//!
//! # Must not depend on
//! Anything that does I/O: no runtime, no files, no network. `fairlead-release-follow` follows
//! releases and keeps them on disk. A model's folder is not checked here: a service finds out
//! when it loads the folder, and keeps the model it has.

mod catalogue;
mod checks;
mod content_hash;
mod difference;
pub mod eligibility;
mod finding;
mod live;
mod old_form;
mod parameters;
mod plan;
mod products;
mod section;
mod sticky;
mod unpriced;

pub use catalogue::Catalogue;
pub use checks::check_settings;
pub use content_hash::content_hash;
pub use difference::{Change, ChangeKind, Difference, MOST_LISTED, difference};
pub use finding::{Finding, Rule, Severity, blocks};
pub use live::{Live, Overrides};
pub use old_form::{Held, current_form, take_held};
pub use parameters::{
    Declared, Parameters, RankingParameters, RecallParameters, SlateOrder, SlateParameters,
    declared,
};
pub use plan::{check_experiments, check_expression, strategy_parameter};
pub use products::check_product;
pub use section::{Section, sections_changed};
pub use sticky::check_sticky;
pub use unpriced::moves_prices;
