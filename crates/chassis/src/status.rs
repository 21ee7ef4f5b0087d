//! Refusals that people and machines can read: a message that names the thing, the value and what
//! is allowed, and the same as `google.rpc.ErrorInfo` details.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The `domain` of every `ErrorInfo`.
pub const DOMAIN: &str = "fairlead";

/// A refusal of one field's value.
///
/// `reason` is stable and upper case: `UNKNOWN_PRODUCT`. The value is cut to 80 characters.
pub fn refuse(code: Code, reason: &str, field: &str, value: &str, allowed: &str) -> Status {
    let value: String = value.chars().take(80).collect();
    let message = if value.is_empty() {
        format!("{field} is missing: {allowed}")
    } else {
        format!("{field} `{value}` is not allowed: {allowed}")
    };
    let data = HashMap::from([
        ("field".to_owned(), field.to_owned()),
        ("value".to_owned(), value),
        ("allowed".to_owned(), allowed.to_owned()),
    ]);
    let details = ErrorDetails::with_error_info(reason, DOMAIN, data);
    Status::with_error_details(code, message, details)
}

/// A refusal of an argument.
pub fn invalid_argument(field: &str, value: &str, allowed: &str) -> Status {
    refuse(
        Code::InvalidArgument,
        "INVALID_ARGUMENT",
        field,
        value,
        allowed,
    )
}

/// Something this answer needs is away; the message says what.
pub fn unavailable(what: &str, cause: &str) -> Status {
    let data = HashMap::from([("dependency".to_owned(), what.to_owned())]);
    let details = ErrorDetails::with_error_info("UNAVAILABLE", DOMAIN, data);
    Status::with_error_details(
        Code::Unavailable,
        format!("{what} is unavailable: {cause}"),
        details,
    )
}

/// The reason and the data of a status, when it carries them.
pub fn info(status: &Status) -> Option<(String, HashMap<String, String>)> {
    status
        .get_details_error_info()
        .map(|info| (info.reason, info.metadata))
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

    #[test]
    fn a_refusal_names_thing_value_and_allowed() {
        let status = invalid_argument("tenor_months", "7", "one of 3, 6, 12");
        assert_eq!(
            status.message(),
            "tenor_months `7` is not allowed: one of 3, 6, 12"
        );
        let (reason, data) = info(&status).expect("details");
        assert_eq!(reason, "INVALID_ARGUMENT");
        assert_eq!(data["value"], "7");
    }

    #[test]
    fn a_description_has_the_reason_or_else_the_code() {
        let refused = invalid_argument("tenor_months", "7", "one of 3, 6, 12");
        assert_eq!(
            describe(&refused),
            "tenor_months `7` is not allowed: one of 3, 6, 12 (INVALID_ARGUMENT)"
        );
        assert_eq!(describe(&Status::not_found("gone")), "gone (NotFound)");
    }
}
