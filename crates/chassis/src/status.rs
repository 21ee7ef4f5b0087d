//! Errors as callers see them: a trait that the error of every service implements, and the one
//! conversion to a status.
//!
//! A [`CallError`] names the thing, the value and what is allowed, for people in its message and for
//! machines as `google.rpc.ErrorInfo`. Causes that name hosts, paths or rows stay in the log.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The `domain` of every `ErrorInfo`.
const DOMAIN: &str = "fairlead";

/// The longest value that is told, in characters.
const MAX_VALUE: usize = 80;

/// An error of a service that can end a call.
pub trait ServiceError: std::error::Error {
    /// Returns the error as the caller sees it. Implementations match every variant, without a wildcard.
    fn call_error(&self) -> CallError;
}

/// Returns the status of an error, and logs the error where its [`CallError`] asks for it.
pub fn status_of(error: &impl ServiceError) -> Status {
    let told = error.call_error();
    match told.log {
        Log::Silent => {}
        Log::Warning => tracing::warn!(%error, "call failed"),
        Log::Error => tracing::error!(%error, "call failed"),
    }
    told.into()
}

/// An error as its caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    code: Code,
    message: String,
    info: Option<Info>,
    violations: Vec<(String, String)>,
    retry_after: Option<Duration>,
    log: Log,
}

/// The content of a `google.rpc.ErrorInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Info {
    reason: Cow<'static, str>,
    data: HashMap<String, String>,
}

/// The level at which an error is logged when it becomes a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    Silent,
    Warning,
    Error,
}

impl CallError {
    /// Creates an error with a message and no details.
    pub fn plain(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            info: None,
            violations: Vec::new(),
            retry_after: None,
            log: Log::Silent,
        }
    }

    /// Creates an error with a machine-readable reason: stable and upper case, such as
    /// `UNKNOWN_PRODUCT`.
    pub fn with_reason<const N: usize>(
        code: Code,
        reason: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        data: [(&str, String); N],
    ) -> Self {
        Self {
            info: Some(Info {
                reason: reason.into(),
                data: data.map(|(key, value)| (key.to_owned(), value)).into(),
            }),
            ..Self::plain(code, message)
        }
    }

    /// Creates the error of a field whose value is not allowed; an empty value counts as missing.
    /// The value is cut to 80 characters.
    pub fn field(
        code: Code,
        reason: impl Into<Cow<'static, str>>,
        field: &str,
        value: &str,
        allowed: &str,
    ) -> Self {
        let value: String = value.chars().take(MAX_VALUE).collect();
        let message = if value.is_empty() {
            format!("{field} is missing: {allowed}")
        } else {
            format!("{field} `{value}` is not allowed: {allowed}")
        };
        let data = [
            ("field", field.to_owned()),
            ("value", value),
            ("allowed", allowed.to_owned()),
        ];
        Self::with_reason(code, reason, message, data)
    }

    /// Creates the error of an argument whose value is not allowed.
    pub fn argument(field: &str, value: &str, allowed: &str) -> Self {
        Self::field(
            Code::InvalidArgument,
            "INVALID_ARGUMENT",
            field,
            value,
            allowed,
        )
    }

    /// Creates the error of a tenant that this process does not serve.
    pub fn unknown_tenant(asked: &str, served: &str) -> Self {
        let allowed = format!("{served}, the tenant served here");
        Self::field(Code::NotFound, "UNKNOWN_TENANT", "tenant", asked, &allowed)
    }

    /// Creates the error of a part that the answer needs and that is away; the same call may
    /// succeed later.
    pub fn unavailable(what: &str, cause: &str) -> Self {
        let message = format!("{what} is unavailable: {cause}");
        let data = [("dependency", what.to_owned())];
        Self::with_reason(Code::Unavailable, "UNAVAILABLE", message, data)
    }

    /// Creates the error of a part that the answer needs and that did not answer in the time that
    /// the call had.
    pub fn late(what: &str, limit_ms: u128) -> Self {
        Self::unavailable(what, &format!("it did not answer within {limit_ms} ms"))
    }

    /// Creates the error of a call whose deadline had passed.
    pub fn deadline_exceeded() -> Self {
        Self::plain(Code::DeadlineExceeded, "the deadline had passed")
    }

    /// Creates the error of a fault in the service itself. It is logged as an error; the message
    /// says no more than where to look.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::plain(Code::Internal, message).logged_as_error()
    }

    /// Adds what is wrong, as `google.rpc.BadRequest` violations: field and description.
    #[must_use]
    pub fn with_violations(mut self, violations: Vec<(String, String)>) -> Self {
        self.violations = violations;
        self
    }

    /// Adds after what time the same call may succeed, as `google.rpc.RetryInfo`.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Logs the error as a warning.
    #[must_use]
    pub fn logged_as_warning(mut self) -> Self {
        self.log = Log::Warning;
        self
    }

    /// Logs the error as an error.
    #[must_use]
    pub fn logged_as_error(mut self) -> Self {
        self.log = Log::Error;
        self
    }
}

impl From<CallError> for Status {
    fn from(told: CallError) -> Self {
        let CallError {
            code,
            message,
            info,
            violations,
            retry_after,
            log: _,
        } = told;
        if info.is_none() && violations.is_empty() && retry_after.is_none() {
            return Self::new(code, message);
        }
        let mut details = ErrorDetails::new();
        if let Some(Info { reason, data }) = info {
            details.set_error_info(reason, DOMAIN, data);
        }
        for (field, description) in violations {
            details.add_bad_request_violation(field, description);
        }
        if retry_after.is_some() {
            details.set_retry_info(retry_after);
        }
        Self::with_error_details(code, message, details)
    }
}

/// Returns the reason and the data of a status, or `None` where it carries no `ErrorInfo`.
pub fn info(status: &Status) -> Option<(String, HashMap<String, String>)> {
    status
        .get_details_error_info()
        .map(|info| (info.reason, info.metadata))
}

/// Returns after what time the same call may succeed, or `None` where the status does not say.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// Returns the message for a person, with the reason that the status carries, or its code where it
/// carries none.
pub fn describe(status: &Status) -> String {
    match info(status) {
        Some((reason, _)) => format!("{} ({reason})", status.message()),
        None => format!("{} ({:?})", status.message(), status.code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: &Status) -> (Code, &str, Option<String>) {
        let reason = info(status).map(|(reason, _)| reason);
        (status.code(), status.message(), reason)
    }

    #[test]
    fn a_refused_argument_names_thing_value_and_allowed() {
        let status = Status::from(CallError::argument("tenor_months", "7", "one of 3, 6, 12"));
        let message = "tenor_months `7` is not allowed: one of 3, 6, 12";
        let reason = Some("INVALID_ARGUMENT".to_owned());
        assert_eq!(told(&status), (Code::InvalidArgument, message, reason));
        let details = status.get_details_error_info().expect("details");
        assert_eq!(details.domain, "fairlead");
        let expected = [
            ("field", "tenor_months"),
            ("value", "7"),
            ("allowed", "one of 3, 6, 12"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(details.metadata, HashMap::from(expected));
    }

    #[test]
    fn an_empty_value_is_missing_and_a_long_one_is_cut() {
        let missing = Status::from(CallError::argument("tenant", "", "a tenant"));
        assert_eq!(missing.message(), "tenant is missing: a tenant");
        let long = Status::from(CallError::argument("tenant", &"值".repeat(500), "a tenant"));
        let (_, data) = info(&long).expect("details");
        assert_eq!(data["value"], "值".repeat(80));
    }

    #[test]
    fn what_is_away_is_named() {
        let status = Status::from(CallError::late("feature store", 30));
        let message = "feature store is unavailable: it did not answer within 30 ms";
        let reason = Some("UNAVAILABLE".to_owned());
        assert_eq!(told(&status), (Code::Unavailable, message, reason));
        let (_, data) = info(&status).expect("details");
        assert_eq!(data["dependency"], "feature store");
    }

    #[test]
    fn violations_travel_beside_the_reason() {
        let data = [("errors", "1".to_owned())];
        let error = CallError::with_reason(Code::InvalidArgument, "REFUSED", "no", data)
            .with_violations(vec![("range".to_owned(), "too high".to_owned())]);
        let status = Status::from(error);
        assert_eq!(info(&status).expect("details").0, "REFUSED");
        let listed = status
            .get_details_bad_request()
            .expect("violations")
            .field_violations;
        assert_eq!(listed[0].field, "range");
        assert_eq!(listed[0].description, "too high");
    }

    #[test]
    fn the_time_to_the_next_attempt_travels_with_the_status() {
        let away = CallError::unavailable("release", "none yet");
        assert_eq!(retry_after(&away.clone().into()), None);
        let delay = Duration::from_millis(200);
        let status = Status::from(away.with_retry_after(delay));
        assert_eq!(retry_after(&status), Some(delay));
        assert_eq!(info(&status).expect("details").0, "UNAVAILABLE");
    }

    /// An error whose text names what no caller may read.
    #[derive(Debug, thiserror::Error)]
    #[error("redis://user:secret@10.0.0.7 does not answer")]
    struct Broken;

    impl ServiceError for Broken {
        fn call_error(&self) -> CallError {
            CallError::internal("it cannot be answered; the service's log says more")
        }
    }

    #[test]
    fn an_internal_error_tells_the_log_what_it_does_not_tell_the_caller() {
        let log = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(log.clone())
            .with_ansi(false)
            .finish();
        let status = tracing::subscriber::with_default(subscriber, || status_of(&Broken));
        let message = "it cannot be answered; the service's log says more";
        assert_eq!(told(&status), (Code::Internal, message, None));
        assert!(status.details().is_empty());
        let logged = String::from_utf8(log.0.lock().clone()).expect("text");
        assert!(
            logged.contains("ERROR") && logged.contains("secret@10.0.0.7"),
            "{logged}"
        );
    }

    /// A log that the test can read.
    #[derive(Debug, Clone, Default)]
    struct Lines(std::sync::Arc<parking_lot::Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl tracing_subscriber::fmt::MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn a_description_has_the_reason_or_else_the_code() {
        let refused = CallError::argument("tenor_months", "7", "one of 3, 6, 12").into();
        assert_eq!(
            describe(&refused),
            "tenor_months `7` is not allowed: one of 3, 6, 12 (INVALID_ARGUMENT)"
        );
        assert_eq!(describe(&Status::not_found("gone")), "gone (NotFound)");
    }
}
