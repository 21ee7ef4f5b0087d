//! The contracts of all services: messages, clients and servers generated from
//! `fairlead/<area>/v1`, and the names of product kinds.
//!
//! # Invariants
//! - Messages implement serde in the canonical proto3 JSON mapping, which REST and files use.
//! - Maps are ordered, so that encoding a message twice gives the same bytes.
//!
//! # Must not depend on
//! Any other crate of the workspace.

/// All contracts as an encoded `FileDescriptorSet` with comments, for reflection and OpenAPI.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fairlead.bin"));

/// The gRPC path of every method with the permissions of which its caller needs one, as numbers of
/// [`access::v1::Permission`]; none where anyone may call. In the order of the paths.
pub const REQUIREMENTS: &[(&str, &[i32])] = include!(concat!(env!("OUT_DIR"), "/requirements.rs"));

mod product_kind;

macro_rules! area {
    ($($(#[$doc:meta])* $area:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub mod $area {
            /// Version 1; documented in the `.proto` files.
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/fairlead.", stringify!($area), ".v1.rs"));
                include!(concat!(env!("OUT_DIR"), "/fairlead.", stringify!($area), ".v1.serde.rs"));
            }
        }
    )+};
}

area! {
    /// Permissions, and what each method requires.
    access,
    /// Products and their terms.
    catalogue,
    /// Drafts, releases, audit.
    control,
    /// Decision records.
    decision,
    /// Behaviour events.
    event,
    /// Feature values, on the wire and stored.
    feature,
    /// The public interface.
    gateway,
    /// Amounts.
    money,
    /// Rates, limits, premiums, fees.
    pricing,
    /// The customer profile.
    profile,
    /// Scores.
    ranking,
    /// Candidates.
    recall,
}
