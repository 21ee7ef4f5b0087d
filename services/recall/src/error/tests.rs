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

fn damaged() -> fairlead_online::Error {
    fairlead_online::Error::Corrupt {
        thing: "state",
        detail: SECRET.to_owned(),
    }
}

fn asked_wrongly() -> Vec<(Error, &'static str)> {
    let argument = Error::Argument {
        field: "limit",
        value: String::new(),
        allowed: "1 to 500".to_owned(),
    };
    let finding = fairlead_release::Finding::error(
        fairlead_release::Rule::Range,
        "parameters[x]",
        "7",
        "0 to 1",
    );
    let tenant = Error::Tenant {
        asked: "other".to_owned(),
        served: "acme".to_owned(),
    };
    let foreign = fairlead_registry::Error::ForeignRegistry {
        found: 1,
        expected: 2,
    };
    let features = fairlead_registry::Error::Counters {
        found: 1,
        expected: 2,
    };
    vec![
        (
            argument,
            "InvalidArgument INVALID_ARGUMENT limit is missing: 1 to 500",
        ),
        (
            Error::Parameter(finding),
            "InvalidArgument INVALID_ARGUMENT parameters[x] `7` is not allowed: 0 to 1",
        ),
        (
            tenant,
            "NotFound UNKNOWN_TENANT tenant `other` is not allowed: acme, the tenant served here",
        ),
        (
            Error::Features(foreign),
            "FailedPrecondition FOREIGN_REGISTRY features.registry_hash `0000000000000001` is not \
             allowed: 0000000000000002",
        ),
        (
            Error::Features(features),
            "InvalidArgument INVALID_ARGUMENT features `product counters: 1 values are not \
             allowed: 2, as the layout says` is not allowed: a set as profile gives it",
        ),
    ]
}

fn cases() -> Vec<(Error, &'static str)> {
    let path = || PathBuf::from(SECRET);
    let file = Error::File {
        path: path(),
        source: std::io::ErrorKind::NotFound.into(),
    };
    let artefact = Error::Artefact {
        path: path(),
        reason: SECRET.to_owned(),
    };
    let config = Error::Config {
        key: "recall.x",
        value: SECRET.to_owned(),
        allowed: "less",
    };
    let internal = [
        file,
        artefact,
        Error::Inference(fairlead_inference::Error::Exists { path: path() }),
        Error::Index(fairlead_vector_index::Error::Stopped),
        Error::Store(damaged()),
        config,
    ]
    .map(|error| {
        (
            error,
            "Internal - recall is not set up; the service's log says more",
        )
    });
    let mut cases = asked_wrongly();
    cases.extend(internal);
    cases.extend([
        (
            Error::NoRelease,
            "Unavailable UNAVAILABLE release is unavailable: none has been received yet",
        ),
        (
            Error::DeadlineExceeded,
            "DeadlineExceeded - the deadline had passed",
        ),
    ]);
    cases
}
