//! Everything that can go wrong here, and what a caller is told of it.

use fairlead_chassis::status;
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
        /// What is allowed.
        allowed: String,
    },
    /// What a firm quote was asked for cannot be asked for.
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
        /// What is asked for now.
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
        /// When, Unix milliseconds.
        expired_at_ms: i64,
    },
    /// What was kept is not what this service wrote.
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
        /// What is allowed.
        allowed: &'static str,
    },
    /// The key file cannot be read or written.
    #[error("key file {path}: {cause}")]
    KeyFile {
        /// The file.
        path: String,
        /// Why.
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

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Argument {
                field,
                value,
                allowed,
            } => status::invalid_argument(field, value, allowed),
            Error::Item(refusal) => of_refusal(refusal),
            Error::Tenant { asked, served } => {
                let allowed = format!("{served}, the tenant served here");
                status::refuse(Code::NotFound, "UNKNOWN_TENANT", "tenant", asked, &allowed)
            }
            Error::Features(cause) => {
                let allowed = "this registry's values for the purpose price, all finite";
                status::invalid_argument("context.features", &cause.to_string(), allowed)
            }
            Error::OtherContent { key, asked } => {
                let allowed = format!("a key not used for another request; this one is {asked}");
                let reason = "IDEMPOTENCY_KEY_USED";
                status::refuse(
                    Code::AlreadyExists,
                    reason,
                    "idempotency_key",
                    key,
                    &allowed,
                )
            }
            Error::UnknownQuote { quote_id } => {
                let allowed = "a quote given to this customer and still kept";
                status::refuse(
                    Code::NotFound,
                    "UNKNOWN_QUOTE",
                    "quote_id",
                    quote_id,
                    allowed,
                )
            }
            Error::Expired {
                quote_id,
                expired_at_ms,
            } => {
                let allowed = format!("a quote before its expiry; this one's was {expired_at_ms}");
                let code = Code::FailedPrecondition;
                status::refuse(code, "QUOTE_EXPIRED", "quote_id", quote_id, &allowed)
            }
            Error::DeadlineExceeded => Self::deadline_exceeded("the deadline had passed"),
            Error::NoRelease => status::unavailable("release", "none is live yet"),
            // The cause names hosts and ports: it stays in the log.
            Error::Store(cause) if cause.is_transient() => {
                tracing::warn!(%cause, "quote store is away");
                status::unavailable("quote store", "it cannot be reached now")
            }
            Error::StoreLate { limit_ms } => {
                let cause = format!("it did not answer within {limit_ms} ms");
                status::unavailable("quote store", &cause)
            }
            Error::Store(_)
            | Error::Tampered { .. }
            | Error::Release(_)
            | Error::Record(_)
            | Error::Config { .. }
            | Error::KeyFile { .. } => {
                tracing::error!(%error, "pricing cannot be answered");
                Self::internal("pricing cannot be answered; the service's log says more")
            }
        }
    }
}

/// The status of a firm quote's item that cannot be asked for. The engine's details read "thing
/// `value` is not allowed: what is"; the reason is the cause's name.
fn of_refusal(refusal: &Refusal) -> Status {
    let cause = refusal.cause();
    let code = match cause {
        RefusalCause::UnknownProduct => Code::NotFound,
        _ => Code::InvalidArgument,
    };
    let name = cause.as_str_name();
    let reason = name.strip_prefix("REFUSAL_CAUSE_").unwrap_or(name);
    let parts = refusal.detail.split_once(" `").and_then(|(thing, rest)| {
        let (value, allowed) = rest.split_once("` is not allowed: ")?;
        Some((thing, value, allowed))
    });
    let (thing, value, allowed) = parts.unwrap_or(("item", "", &refusal.detail));
    status::refuse(code, reason, thing, value, allowed)
}
