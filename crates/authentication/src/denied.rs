//! The reasons why a call does not reach its handler, each as its caller sees it.

use std::num::NonZeroU32;

use fairlead_chassis::status::{CallError, ServiceError, status_of};
use fairlead_identity::Refused;
use tonic::{Code, Status};

use crate::jwt;

/// A call that does not reach its handler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nobody is known who calls. It holds what is needed.
    #[error("the caller is not known: {0}")]
    Unknown(&'static str),
    /// The caller's token was refused.
    #[error("the caller is not known: {0}")]
    Token(#[from] jwt::Refused),
    /// The caller calls too often.
    #[error("more than {0} requests per second")]
    TooMany(NonZeroU32),
    /// The caller cannot be looked up now. It holds what is away.
    #[error("the caller cannot be looked up: {0} does not answer")]
    Unavailable(&'static str),
    /// The caller is known and may not do this.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The call came past the guard: no handler knows its caller.
    #[error("a call without a caller reached a handler")]
    PastTheGuard,
}

impl Denied {
    /// Returns the cause as a label of metrics.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown",
            Self::Token(refused) if refused.is_transient() => "unavailable",
            Self::Token(_) => "token",
            Self::TooMany(_) => "too-many",
            Self::Unavailable(_) => "unavailable",
            Self::Refused(Refused::UnknownMethod) => "unknown-method",
            Self::Refused(Refused::Permission(_)) => "permission",
            Self::Refused(Refused::Tenant(_)) => "tenant",
            Self::Refused(Refused::Customer(_)) => "customer",
            Self::PastTheGuard => "past-the-guard",
        }
    }
}

impl ServiceError for Denied {
    fn call_error(&self) -> CallError {
        match self {
            Self::Unknown(needed) => {
                let code = Code::Unauthenticated;
                CallError::with_reason(code, "UNAUTHENTICATED", *needed, [])
            }
            Self::Token(refused) if refused.is_transient() => {
                CallError::unavailable("issuer of tokens", "its keys cannot be read; try again")
                    .logged_as_warning()
            }
            Self::Token(refused) => {
                let code = Code::Unauthenticated;
                CallError::with_reason(code, "TOKEN_REFUSED", refused.to_string(), [])
            }
            Self::TooMany(rate) => CallError::plain(
                Code::ResourceExhausted,
                format!(
                    "more than {rate} requests per second with this key; try again in a second"
                ),
            ),
            Self::Unavailable(what) => {
                CallError::unavailable(what, "the caller cannot be looked up")
            }
            Self::Refused(refused) => of_refused(refused),
            Self::PastTheGuard => CallError::plain(
                Code::Unauthenticated,
                "the call did not come through the guard: nobody is known who calls",
            ),
        }
    }
}

/// Returns a refusal as its caller sees it.
fn of_refused(refused: &Refused) -> CallError {
    match refused {
        Refused::UnknownMethod => CallError::plain(Code::Unimplemented, refused.to_string()),
        Refused::Permission(any_of) => {
            let data = [("permission", any_of.join(" or "))];
            CallError::with_reason(
                Code::PermissionDenied,
                "PERMISSION_DENIED",
                refused.to_string(),
                data,
            )
        }
        Refused::Tenant(tenant) => {
            let allowed = "a tenant that the caller speaks for";
            let code = Code::PermissionDenied;
            CallError::field(code, "OTHER_TENANT", "tenant", tenant, allowed)
        }
        Refused::Customer(customer) => {
            let allowed = "the customer of the caller's token";
            let code = Code::PermissionDenied;
            CallError::field(code, "OTHER_CUSTOMER", "customer_id", customer, allowed)
        }
    }
}

impl From<Denied> for Status {
    fn from(denied: Denied) -> Self {
        status_of(&denied)
    }
}
