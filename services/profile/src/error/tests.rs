//! Every variant with the code, the reason and the message that a caller gets.

use fairlead_chassis::status::info;

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
    for (error, expected) in cases() {
        let told = told(error);
        assert_eq!(told, expected);
        assert!(!told.contains(SECRET), "{told}");
    }
}

fn away() -> fairlead_online::Error {
    fairlead_online::Error::Unreachable {
        url: SECRET.to_owned(),
        operation: "reading",
        detail: SECRET.to_owned(),
    }
}

fn damaged() -> fairlead_online::Error {
    fairlead_online::Error::Corrupt {
        thing: "state",
        detail: SECRET.to_owned(),
    }
}

fn cases() -> Vec<(Error, &'static str)> {
    let argument = Error::Argument {
        field: "as_of_ms",
        value: "-1".to_owned(),
        allowed: "0 or more".to_owned(),
    };
    let tenant = Error::Tenant {
        asked: "other".to_owned(),
        served: "acme".to_owned(),
    };
    let features = fairlead_registry::Error::NotFinite {
        name: SECRET.to_owned(),
        value: f64::NAN,
    };
    let mut cases = vec![
        (
            argument,
            "InvalidArgument INVALID_ARGUMENT as_of_ms `-1` is not allowed: 0 or more",
        ),
        (
            tenant,
            "NotFound UNKNOWN_TENANT tenant `other` is not allowed: acme, the tenant served here",
        ),
        (
            Error::DeadlineExceeded,
            "DeadlineExceeded - the deadline had passed",
        ),
        (
            Error::Store(away()),
            "Unavailable UNAVAILABLE feature store is unavailable: it cannot be read now",
        ),
        (
            Error::Store(damaged()),
            "Internal - the stored state cannot be read; the service's log says more",
        ),
        (
            Error::StoreLate { limit_ms: 7 },
            "Unavailable UNAVAILABLE feature store is unavailable: it did not answer within 7 ms",
        ),
        (
            Error::Features(features),
            "Internal - feature values do not follow the registry; the service's log says more",
        ),
    ];
    cases.extend(set_up());
    cases
}

fn set_up() -> [(Error, &'static str); 2] {
    let segment = Error::Segment {
        segmentation: "value".to_owned(),
        segment: "high".to_owned(),
        reason: SECRET.to_owned(),
    };
    let config = Error::Config {
        key: "profile.x",
        value: SECRET.to_owned(),
        allowed: "less",
    };
    [segment, config].map(|error| {
        (
            error,
            "Internal - the service is not set up; the service's log says more",
        )
    })
}
