//! Who calls, and what they may do: principals, roles, permissions, and what each method requires.
//!
//! Invariants: a method that the contracts do not list is refused to everybody; a principal has the
//! permissions of its roles and scopes and no others; printing a principal shows no secret, because it
//! holds none.
//!
//! This crate does no I/O. It does not know how a caller proves who it is: processes do that at their
//! edge, and hand a [`Principal`] to every handler.

mod permission;
mod principal;
mod requirement;
mod role;
mod service;

pub use permission::{
    Permission, Permissions, from_name as permission_from_name, name as permission_name,
};
pub use principal::{Kind, Principal, Tenants};
pub use requirement::{Refused, Requirement};
pub use role::Role;
pub use service::service_permissions;
