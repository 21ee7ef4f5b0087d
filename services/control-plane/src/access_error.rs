//! The refusals of sign-ins and of changes to people, each as its caller sees it.

use std::time::Duration;

use fairlead_authentication::oidc::OidcError;
use fairlead_chassis::status::{CallError, ServiceError};
use tonic::Code;

/// A person may not sign in, or may not change this about people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Name, password or invitation is wrong, or the person may not sign in.
    #[error("the name, the password or the invitation is wrong, or the person may not sign in")]
    WrongSignIn,
    /// Too many wrong passwords were given for a name.
    #[error("too many wrong passwords for this name: wait {seconds} s")]
    SignInPaused {
        /// The seconds until the next attempt counts.
        seconds: u64,
    },
    /// The person has no role in any tenant.
    #[error("the person has no role: an administrator gives one (fairlead access roles)")]
    NoRoles,
    /// The identity provider, or what came back from it, is no proof.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// There is no identity provider.
    #[error("no identity provider is configured (control.oidc)")]
    NoProvider,
    /// Nobody here has this subject at the identity provider.
    #[error(
        "the identity provider knows you as `{0}`, and nobody here is: an administrator adds you with this subject \
         (fairlead access people add NAME --subject)"
    )]
    UnknownSubject(String),
    /// A person would change what concerns themselves.
    #[error("nobody changes their own roles or disables themselves: another administrator does")]
    OwnRoles,
    /// The tenant would be left without an administrator.
    #[error("the tenant would have no administrator: make another person one first")]
    LastAdministrator,
}

impl ServiceError for AccessError {
    fn call_error(&self) -> CallError {
        let of = |code, reason| CallError::with_reason(code, reason, self.to_string(), []);
        match self {
            Self::Oidc(error) if error.is_transient() => {
                let cause = "it does not answer, or not as it should; try again";
                CallError::unavailable("identity provider", cause).logged_as_error()
            }
            Self::WrongSignIn | Self::Oidc(_) => of(Code::Unauthenticated, "SIGN_IN_REFUSED"),
            Self::SignInPaused { seconds } => of(Code::ResourceExhausted, "SIGN_IN_PAUSED")
                .with_retry_after(Duration::from_secs(*seconds)),
            Self::NoRoles => of(Code::PermissionDenied, "NO_ROLES"),
            Self::NoProvider => of(Code::FailedPrecondition, "NO_PROVIDER"),
            Self::UnknownSubject(_) => of(Code::PermissionDenied, "UNKNOWN_PERSON"),
            Self::OwnRoles => of(Code::PermissionDenied, "OWN_ROLES"),
            Self::LastAdministrator => of(Code::FailedPrecondition, "LAST_ADMINISTRATOR"),
        }
    }
}
