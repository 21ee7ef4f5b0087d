//! Who calls the control plane.

use std::sync::Arc;

use axum::Router;
use fairlead_authentication::{Denied, Identify, LocalCallers, guard};
use fairlead_identity::Principal;
use http::request::Parts;

use crate::service::Service;

/// Knows the callers of the control plane.
struct Callers {
    local: LocalCallers,
}

impl Service {
    /// Puts the guard around the gRPC routes of the service.
    pub fn router(&self, grpc: Router) -> Router {
        let local = self.parts.local.clone();
        guard(grpc, Arc::new(Callers { local }))
    }
}

#[async_trait::async_trait]
impl Identify for Callers {
    async fn identify(&self, request: &Parts) -> Result<Principal, Denied> {
        let needed =
            "sign in first (fairlead login), or show the token of the tools on this machine";
        self.local.known(request).ok_or(Denied::Unknown(needed))
    }
}
