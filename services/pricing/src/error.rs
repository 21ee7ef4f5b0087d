//! The errors of the pricing service, and each as its caller sees it.

use fairlead_chassis::status::{CallError, ServiceError, status_of};
use fairlead_proto::pricing::v1::{Refusal, RefusalCause};
use tonic::{Code, Status};

/// A failure of the pricing service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request holds a value that is not allowed.
    #[error("{field} `{value}` is not allowed: {allowed}")]
    Argument {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        allowed: String,
    },
    /// The item of a firm quote cannot be asked for.
    #[error("{}", .0.detail)]
    Item(Box<Refusal>),
    /// The tenant is not the one whose release is live here.
    #[error("tenant `{asked}` is not served here: {served} is")]
    Tenant {
        /// The tenant asked for.
        asked: String,
        /// The tenant served.
        served: String,
    },
    /// There is no release yet.
    #[error("no release is live")]
    NoRelease,
    /// Features that do not follow the registry, or are not for pricing.
    #[error("features: {0}")]
    Features(#[from] fairlead_registry::Error),
    /// The idempotency key named another request.
    #[error("idempotency key `{key}` named another request: {asked}")]
    OtherContent {
        /// The key.
        key: String,
        /// The item that is asked for now.
        asked: String,
    },
    /// No such quote for this customer.
    #[error("quote `{quote_id}` is not known for this customer")]
    UnknownQuote {
        /// The quote.
        quote_id: String,
    },
    /// The quote's time is over.
    #[error("quote `{quote_id}` expired at {expired_at_ms}")]
    Expired {
        /// The quote.
        quote_id: String,
        /// The instant at which it expired, Unix milliseconds.
        expired_at_ms: i64,
    },
    /// The customer of the quote may no longer have the product.
    #[error("quote `{quote_id}` cannot be accepted: {}", .refusal.detail)]
    NotSellable {
        /// The quote.
        quote_id: String,
        /// The cause.
        refusal: Box<Refusal>,
    },
    /// The content that was kept is not what this service wrote.
    #[error("quote store: {thing} of quote `{quote_id}` does not read or is not genuine")]
    Tampered {
        /// The quote.
        quote_id: String,
        /// Which part.
        thing: &'static str,
    },
    /// The call's deadline had passed.
    #[error("the deadline had passed")]
    DeadlineExceeded,
    /// The quote store did not answer.
    #[error("quote store: {0}")]
    Store(#[from] fairlead_online::Error),
    /// The quote store did not answer in the time that the call had.
    #[error("the quote store did not answer within {limit_ms} ms")]
    StoreLate {
        /// The time it had.
        limit_ms: u128,
    },
    /// Strategies, rule packs, risk models or products that cannot be priced with.
    #[error("release: {0}")]
    Release(String),
    /// A decision record that a quote cannot be made from again.
    #[error("decision record: {0}")]
    Record(String),
    /// A value of the configuration is not allowed.
    #[error("configuration: `{key}` = `{value}` is not allowed: {allowed}")]
    Config {
        /// The key.
        key: String,
        /// Its value; never a secret.
        value: String,
        /// The allowed values.
        allowed: &'static str,
    },
    /// The key file cannot be read or written.
    #[error("key file {path}: {cause}")]
    KeyFile {
        /// The file.
        path: String,
        /// The cause.
        cause: std::io::Error,
    },
}

impl Error {
    pub(crate) fn argument(
        field: &'static str,
        value: impl ToString,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Argument {
            field,
            value: value.to_string(),
            allowed: allowed.into(),
        }
    }
}

impl ServiceError for Error {
    fn call_error(&self) -> CallError {
        match self {
            Self::Argument {
                field,
                value,
                allowed,
            } => CallError::argument(field, value, allowed),
            Self::Item(refusal) => item_error(refusal),
            Self::Tenant { asked, served } => CallError::unknown_tenant(asked, served),
            Self::Features(cause) => {
                let allowed = "this registry's values for the purpose price, all finite";
                CallError::argument("context.features", &cause.to_string(), allowed)
            }
            Self::OtherContent { key, asked } => {
                let allowed = format!("a key not used for another request; this one is {asked}");
                let (code, reason) = (Code::AlreadyExists, "IDEMPOTENCY_KEY_USED");
                CallError::field(code, reason, "idempotency_key", key, &allowed)
            }
            Self::UnknownQuote { quote_id } => {
                let allowed = "a quote given to this customer and still kept";
                let (code, reason) = (Code::NotFound, "UNKNOWN_QUOTE");
                CallError::field(code, reason, "quote_id", quote_id, allowed)
            }
            Self::Expired {
                quote_id,
                expired_at_ms,
            } => {
                let allowed = format!("a quote before its expiry; this one's was {expired_at_ms}");
                let (code, reason) = (Code::FailedPrecondition, "QUOTE_EXPIRED");
                CallError::field(code, reason, "quote_id", quote_id, &allowed)
            }
            Self::NotSellable { quote_id, refusal } => {
                let allowed = format!(
                    "a quote whose customer may have the product when it is accepted; now: {}",
                    refusal.detail
                );
                let (code, reason) = (Code::FailedPrecondition, cause_name(refusal));
                CallError::field(code, reason, "quote_id", quote_id, &allowed)
            }
            Self::DeadlineExceeded => CallError::deadline_exceeded(),
            Self::NoRelease => CallError::unavailable("release", "none is live yet"),
            // The cause names hosts and ports: it stays in the log.
            Self::Store(cause) if cause.is_transient() => {
                CallError::unavailable("quote store", "it cannot be reached now")
                    .logged_as_warning()
            }
            Self::StoreLate { limit_ms } => CallError::late("quote store", *limit_ms),
            Self::Store(_)
            | Self::Tampered { .. }
            | Self::Release(_)
            | Self::Record(_)
            | Self::Config { .. }
            | Self::KeyFile { .. } => {
                CallError::internal("pricing cannot be answered; the service's log says more")
            }
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status_of(&error)
    }
}

/// Returns what is told of a firm quote's item that cannot be asked for. The engine's details read
/// "thing `value` is not allowed: what is"; the reason is the cause's name.
fn item_error(refusal: &Refusal) -> CallError {
    let code = match refusal.cause() {
        RefusalCause::UnknownProduct => Code::NotFound,
        _ => Code::InvalidArgument,
    };
    let reason = cause_name(refusal);
    let parts = refusal.detail.split_once(" `").and_then(|(thing, rest)| {
        let (value, allowed) = rest.split_once("` is not allowed: ")?;
        Some((thing, value, allowed))
    });
    let (thing, value, allowed) = parts.unwrap_or(("item", "", &refusal.detail));
    CallError::field(code, reason, thing, value, allowed)
}

/// Returns the name of a refusal's cause, as a reason of errors: `TENOR`.
fn cause_name(refusal: &Refusal) -> &'static str {
    let name = refusal.cause().as_str_name();
    name.strip_prefix("REFUSAL_CAUSE_").unwrap_or(name)
}

#[cfg(test)]
mod tests;
