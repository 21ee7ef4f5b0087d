//! How a caller proves who it is, and the guard around every server.
//!
//! ```text
//! request -> Guard: what does this path require? -> Identify: who calls? -> may it? -> handler(Principal)
//! ```
//!
//! # Invariants
//! - Behind a [`Guard`] no handler runs for a caller who lacks the permission that the contract states.
//!   A path that states none is refused.
//! - A caller is taken from what it proved on this request: extensions that came with the request hold
//!   no principal.
//! - A token of another system is taken only by the rules of [`jwt`].
//! - No refusal tells whether a secret was nearly right, and none repeats it.
//!
//! # Must not depend on
//! Any service: each gives its own [`Identify`].

mod bearer;
mod denied;
pub mod fetch;
mod guard;
mod identify;
mod in_process;
pub mod jwt;
mod local;
mod local_token;
pub mod oidc;
mod services_token;
mod tools_token;

pub use bearer::bearer;
pub use denied::Denied;
pub use guard::{Guard, caller, caller_within, guard, is_grpc};
pub use identify::{Identify, tools};
pub use in_process::in_process;
pub use local::LocalCallers;
pub use services_token::{ServicesToken, service};
pub use tools_token::ToolsToken;
