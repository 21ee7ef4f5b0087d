//! Who calls the control plane.

use std::sync::Arc;

use axum::Router;
use fairlead_authentication::{Denied, Identify, bearer, guard};
use fairlead_identity::Principal;
use http::request::Parts;

use crate::access::session_of;
use crate::service::Service;

/// Knows the callers of the control plane.
struct Callers {
    service: Service,
}

impl Service {
    /// Puts the guard around the gRPC routes of the service.
    pub fn router(&self, grpc: Router) -> Router {
        let service = self.clone();
        guard(grpc, Arc::new(Callers { service }))
    }
}

#[async_trait::async_trait]
impl Identify for Callers {
    async fn identify(&self, request: &Parts) -> Result<Principal, Denied> {
        if let Some(local) = self.service.parts.local.known(request) {
            return Ok(local);
        }
        let needed =
            "sign in first (fairlead login), or show the token of the tools on this machine";
        let shown = bearer(&request.headers).ok_or(Denied::Unknown(needed))?;
        let session = session_of(&self.service, shown).await.map_err(|error| {
            tracing::error!(%error, "a session cannot be looked up");
            Denied::Unavailable("control database")
        })?;
        session.ok_or(Denied::Unknown(needed))
    }
}
