//! Experiment assignment: decides the arms of a unit as a pure function of salts and unit id.
//!
//! There is no store and no network: the same [`Plan`] and the same unit id give the same
//! [`Assignment`] on every machine and on every day. The layout follows Tang et al.,
//! *Overlapping Experiment Infrastructure* (KDD 2010); the hash and the split of buckets over
//! arms are GrowthBook's (version 2), so that an assignment can be recomputed with any of its
//! SDKs.
//!
//! ```text
//! unit id --holdout salt--> held out?           -> no experiment at all
//!         --layer salt----> bucket 0..10_000    -> at most one experiment of the layer (its slice)
//!         --experiment salt> bucket 0..10_000   -> at most one arm (weights x coverage)
//!         attributes -----> targeting (CEL)     -> in, or not targeted, with the reason
//! ```
//!
//! # Invariants
//! - Assignment is deterministic and total: no input makes [`Plan::assign`] fail or panic.
//! - Experiments of one layer exclude each other; layers are independent, because no two salts
//!   of a plan are equal.
//! - Ramping ([`Experiment::coverage`]) only adds units: a unit that has an arm at 10 % has the
//!   same arm at 50 %.
//! - An arm of weight 0 is never chosen. A held-out unit is in no experiment, except by an
//!   explicit override.
//! - A parameter belongs to the experiments of one layer, so that two arms never disagree on it.
//! - Every error of a plan is found by [`Plan::new`], none by a request.
//!
//! # Must not depend on
//! I/O, async runtimes, protobuf, clocks or random numbers.
//!
//! # Example
//! ```
//! use fairlead_experiments::{Arm, Attributes, Experiment, Layer, Parameter, ParameterKind, Plan, PlanSpec};
//!
//! let plan = Plan::new(PlanSpec {
//!     layers: vec![Layer::new("ranking", "ranking-2026")],
//!     parameters: vec![Parameter::new("slate.size", ParameterKind::Int, "10")],
//!     experiments: vec![
//!         Experiment::new("longer-slate", "ranking", "longer-slate-1")
//!             .arm(Arm::new("control", 0.5))
//!             .arm(Arm::new("twenty", 0.5).param("slate.size", "20")),
//!     ],
//!     ..PlanSpec::default()
//! })?;
//! let assignment = plan.assign("customer-7", &Attributes::default());
//! assert_eq!(assignment.arms.len(), 1);
//! assert!(matches!(assignment.params.int("slate.size"), Some(10 | 20)));
//! # Ok::<(), fairlead_experiments::Error>(())
//! ```

mod assignment;
mod attributes;
mod buckets;
mod checks;
mod error;
mod hashing;
mod parameters;
mod plan;
mod spec;
mod sticky;
mod targeting;

pub use assignment::{ArmAssignment, Assignment, NotTargeted, NotTargetedReason, Via};
pub use attributes::{AttributeValue, Attributes, PROFILE};
pub use buckets::{BUCKETS, BucketRange, Namespace, bucket_ranges, choose_variation, in_namespace};
pub use error::Error;
pub use hashing::hash;
pub use parameters::{Parameter, ParameterKind, ParameterValue, Params};
pub use plan::Plan;
pub use spec::{Arm, Experiment, Holdout, Layer, PlanSpec, Status};
pub use sticky::{StickyBreach, sticky_breaches};
