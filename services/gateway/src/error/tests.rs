//! Every variant with the code, the reason and the message that a caller gets.

use fairlead_chassis::status::info;
use fairlead_identity::Refused;

use super::*;

/// Causes name this; no caller may read it.
const SECRET: &str = "10.0.0.7";

/// Returns code, reason and message of the status that the error becomes.
fn told(error: Error) -> String {
    let status = Status::from(error);
    let reason = info(&status).map_or_else(|| "-".to_owned(), |(reason, _)| reason);
    format!("{:?} {reason} {}", status.code(), status.message())
}

#[test]
fn each_error_is_told_as_the_contract_says_and_leaks_nothing() {
    for (error, expected) in cases()
        .into_iter()
        .chain(access_cases())
        .chain(explain_cases())
    {
        let told = told(error);
        assert_eq!(told, expected);
        assert!(!told.contains(SECRET), "{told}");
    }
}

fn cases() -> Vec<(Error, &'static str)> {
    let field = Error::Field {
        field: "slate_size",
        value: "99".to_owned(),
        allowed: "1 to 50".to_owned(),
    };
    let refused = fairlead_domain::TenantId::new("").expect_err("no tenant");
    let log = fairlead_event_log::Error::UnknownTopic {
        topic: "decisions".to_owned(),
        log: SECRET.to_owned(),
    };
    let config = ConfigError {
        key: "api_keys.tenant".to_owned(),
        value: SECRET.to_owned(),
        allowed: "a tenant".to_owned(),
    };
    let chassis = fairlead_chassis::Error::Config(SECRET.to_owned());
    vec![
        (
            field,
            "InvalidArgument INVALID_ARGUMENT slate_size `99` is not allowed: 1 to 50",
        ),
        (
            Error::Value(refused),
            "InvalidArgument INVALID_ARGUMENT tenant is missing: 1 to 64 characters of [A-Za-z0-9_.-]",
        ),
        (
            Error::NoRelease,
            "Unavailable UNAVAILABLE release is unavailable: none is in force yet",
        ),
        (
            Error::Log(log),
            "Unavailable UNAVAILABLE event log is unavailable: the record was not acknowledged; \
             try again",
        ),
        (
            Error::LogLate,
            "Unavailable UNAVAILABLE event log is unavailable: it did not answer in time; try again",
        ),
        (
            Error::Config(config),
            "Internal - the gateway is misconfigured",
        ),
        (
            Error::Chassis(chassis),
            "Internal - the gateway is misconfigured",
        ),
    ]
}

fn explain_cases() -> Vec<(Error, &'static str)> {
    vec![
        (
            Error::UnknownRequest("r-1".to_owned()),
            "NotFound UNKNOWN_REQUEST no decision record of request_id `r-1` is kept for this tenant: \
             none was made, or it is older than the log's retention",
        ),
        (
            Error::NotYet("r-1".to_owned()),
            "Unavailable NOT_YET a decision record of request_id `r-1` may exist and is not indexed \
             yet; try again",
        ),
        (
            Error::UnreadableRecord("r-1".to_owned()),
            "Internal - the decision record cannot be read; the gateway's log says more",
        ),
        (
            Error::Index(Status::unavailable(SECRET)),
            "Unavailable UNAVAILABLE index of decision records is unavailable: it did not answer; \
             try again",
        ),
    ]
}

fn access_cases() -> Vec<(Error, &'static str)> {
    vec![
        (
            Error::Unauthorised {
                field: "attributes.bureau_score".to_owned(),
                value: "900".to_owned(),
                origin: Origin::App,
                allowed: Origins::BANK,
            },
            "PermissionDenied UNAUTHORISED_FACT event.attributes.bureau_score `900` is not allowed: \
             a call of bank; this one is of app",
        ),
        (
            Error::Denied(Refused::Tenant("other".to_owned()).into()),
            "PermissionDenied OTHER_TENANT tenant `other` is not allowed: a tenant that the caller \
             speaks for",
        ),
        (
            Error::Denied(Refused::Customer("c-2".to_owned()).into()),
            "PermissionDenied OTHER_CUSTOMER customer_id `c-2` is not allowed: the customer of the \
             caller's token",
        ),
        (
            Error::CustomerTokens(OptionsError::Empty("issuer")),
            "Internal - the gateway is misconfigured",
        ),
    ]
}
