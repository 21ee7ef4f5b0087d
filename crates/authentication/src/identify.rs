//! Who calls: the trait that each server implements, and the callers that all servers know alike.

use fairlead_domain::Origin;
use fairlead_identity::{Kind, Permissions, Principal, Tenants};
use http::request::Parts;

use crate::Denied;

/// Finds out who calls.
#[async_trait::async_trait]
pub trait Identify: Send + Sync + 'static {
    /// Returns the caller of a request, from its headers and from what its connection proved.
    ///
    /// # Errors
    /// The reason why nobody is known: [`Denied::Unknown`] where the caller proved nothing that is known
    /// here, [`Denied::TooMany`] where it calls too often, [`Denied::Unavailable`] where it cannot be
    /// looked up now.
    async fn identify(&self, request: &Parts) -> Result<Principal, Denied>;
}

/// A principal is the caller of every request: for links within one process.
#[async_trait::async_trait]
impl Identify for Principal {
    async fn identify(&self, _: &Parts) -> Result<Principal, Denied> {
        Ok(self.clone())
    }
}

/// Returns the bank's own tools on this machine: they may do everything, for every tenant.
pub fn tools() -> Principal {
    Principal::new(Kind::Tools, "local", Tenants::Any)
        .with_permissions(Permissions::all())
        .with_origin(Origin::Bank)
}
