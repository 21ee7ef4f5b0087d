//! The contracts of all services: messages, clients and servers generated from
//! `fairlead/<area>/v1`, and the names of product kinds.
//!
//! Messages also carry serde implementations in the canonical proto3 JSON mapping, which REST and
//! files use. Maps are ordered, so that encoding a message twice gives the same bytes.
//! This crate depends on no other of the workspace.

/// Every contract as an encoded `FileDescriptorSet` with comments: reflection and OpenAPI read it.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fairlead.bin"));

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
    /// What can be offered.
    catalogue,
    /// Drafts, releases, audit.
    control,
    /// Decision records.
    decision,
    /// Behaviour events.
    event,
    /// Feature values, on the wire and stored.
    feature,
    /// The public edge.
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
