//! Links within one process, whose caller is known from the start.

use std::sync::Arc;

use fairlead_chassis::link::Link;
use fairlead_identity::Principal;
use tonic::service::Routes;

use crate::guard;

/// Returns a link to a server in this process for one caller, who may do there what its permissions
/// allow and no more.
pub fn in_process(routes: Routes, caller: Principal) -> Link {
    Link::in_process(guard(routes.into_axum_router(), Arc::new(caller)).into())
}
