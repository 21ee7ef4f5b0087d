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

fn asked_wrongly() -> Vec<(Error, &'static str)> {
    let item = |cause: RefusalCause, detail: &str| {
        Error::Item(Box::new(Refusal {
            cause: cause.into(),
            detail: detail.to_owned(),
            ..Refusal::default()
        }))
    };
    let tenant = Error::Tenant {
        asked: "other".to_owned(),
        served: "acme".to_owned(),
    };
    let features = fairlead_registry::Error::Counters {
        found: 1,
        expected: 2,
    };
    vec![
        (
            Error::argument("items", 0, "1 to 500"),
            "InvalidArgument INVALID_ARGUMENT items `0` is not allowed: 1 to 500",
        ),
        (
            item(
                RefusalCause::UnknownProduct,
                "product `P` is not allowed: one of the release",
            ),
            "NotFound UNKNOWN_PRODUCT product `P` is not allowed: one of the release",
        ),
        (
            item(RefusalCause::Tenor, "no tenor is lawful"),
            "InvalidArgument TENOR item is missing: no tenor is lawful",
        ),
        (
            tenant,
            "NotFound UNKNOWN_TENANT tenant `other` is not allowed: acme, the tenant served here",
        ),
        (
            Error::Features(features),
            "InvalidArgument INVALID_ARGUMENT context.features `product counters: 1 values are not \
             allowed: 2, as the layout says` is not allowed: this registry's values for the \
             purpose price, all finite",
        ),
    ]
}

fn quotes() -> Vec<(Error, &'static str)> {
    let other = Error::OtherContent {
        key: "k".to_owned(),
        asked: "LOAN".to_owned(),
    };
    let unknown = Error::UnknownQuote {
        quote_id: "q".to_owned(),
    };
    let expired = Error::Expired {
        quote_id: "q".to_owned(),
        expired_at_ms: 5,
    };
    vec![
        (
            other,
            "AlreadyExists IDEMPOTENCY_KEY_USED idempotency_key `k` is not allowed: a key not used \
             for another request; this one is LOAN",
        ),
        (
            unknown,
            "NotFound UNKNOWN_QUOTE quote_id `q` is not allowed: a quote given to this customer \
             and still kept",
        ),
        (
            expired,
            "FailedPrecondition QUOTE_EXPIRED quote_id `q` is not allowed: a quote before its \
             expiry; this one's was 5",
        ),
        (
            Error::DeadlineExceeded,
            "DeadlineExceeded - the deadline had passed",
        ),
        (
            Error::NoRelease,
            "Unavailable UNAVAILABLE release is unavailable: none is live yet",
        ),
        (
            Error::Store(away()),
            "Unavailable UNAVAILABLE quote store is unavailable: it cannot be reached now",
        ),
        (
            Error::StoreLate { limit_ms: 7 },
            "Unavailable UNAVAILABLE quote store is unavailable: it did not answer within 7 ms",
        ),
    ]
}

fn cases() -> Vec<(Error, &'static str)> {
    let tampered = Error::Tampered {
        quote_id: SECRET.to_owned(),
        thing: "signature",
    };
    let config = Error::Config {
        key: "pricing.x".to_owned(),
        value: SECRET.to_owned(),
        allowed: "less",
    };
    let key_file = Error::KeyFile {
        path: SECRET.to_owned(),
        cause: std::io::ErrorKind::NotFound.into(),
    };
    let internal = [
        Error::Store(damaged()),
        tampered,
        Error::Release(SECRET.to_owned()),
        Error::Record(SECRET.to_owned()),
        config,
        key_file,
    ]
    .map(|error| {
        (
            error,
            "Internal - pricing cannot be answered; the service's log says more",
        )
    });
    let mut cases = asked_wrongly();
    cases.extend(quotes());
    cases.extend(internal);
    cases
}
