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
        field: "product_ids",
        value: String::new(),
        allowed: "1 to 2000 products".to_owned(),
    };
    let tenant = Error::Tenant {
        asked: "other".to_owned(),
        served: "acme".to_owned(),
    };
    let version = Error::UnknownVersion {
        asked: "v9".to_owned(),
        revision: 3,
        known: "v1, v2".to_owned(),
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
            "InvalidArgument INVALID_ARGUMENT product_ids is missing: 1 to 2000 products",
        ),
        (
            tenant,
            "NotFound UNKNOWN_TENANT tenant `other` is not allowed: acme, the tenant served here",
        ),
        (
            version,
            "FailedPrecondition UNKNOWN_MODEL_VERSION model_version `v9` is not allowed: v1, v2",
        ),
        (
            Error::Features(foreign),
            "FailedPrecondition FOREIGN_REGISTRY features.registry_hash `0000000000000001` is not \
             allowed: 0000000000000002",
        ),
        (
            Error::Features(features),
            "InvalidArgument INVALID_ARGUMENT features `product counters: 1 values are not \
             allowed: 2, as the layout says` is not allowed: a set for the purpose recommend, as \
             profile gives it",
        ),
    ]
}

fn rankers() -> Vec<(Error, &'static str)> {
    let none = Error::NoRanker {
        which: "default ",
        revision: 3,
    };
    let loading = Error::Loading {
        version: "v2".to_owned(),
        revision: 3,
    };
    let refused = Error::Refused {
        version: "v2".to_owned(),
        revision: 3,
        reason: SECRET.to_owned(),
    };
    vec![
        (none, "FailedPrecondition - no default ranker in release 3"),
        (
            loading,
            "Unavailable UNAVAILABLE ranker is unavailable: ranker v2 of release 3 is being loaded",
        ),
        (
            refused,
            "FailedPrecondition RANKER_REFUSED model_version `v2` is not allowed: release 3 names \
             it, but it was refused",
        ),
        (
            Error::NoRelease,
            "Unavailable UNAVAILABLE release is unavailable: none has been received yet",
        ),
        (
            Error::DeadlineExceeded,
            "DeadlineExceeded - the deadline had passed",
        ),
        (
            Error::Inference(Inference::DeadlineExceeded),
            "DeadlineExceeded - the deadline had passed",
        ),
        (
            Error::Inference(Inference::Overloaded { bound: 7 }),
            "ResourceExhausted - the queue of requests is full",
        ),
    ]
}

fn cases() -> Vec<(Error, &'static str)> {
    let path = || PathBuf::from(SECRET);
    let artefact = Error::Artefact {
        path: path(),
        reason: SECRET.to_owned(),
    };
    let config = Error::Config {
        key: "ranking.x",
        value: SECRET.to_owned(),
        allowed: "less",
    };
    let score = Error::Score {
        model: SECRET.to_owned(),
        cause: fairlead_domain::Probability::new(7.0).expect_err("no probability"),
    };
    let setup = [artefact, Error::Store(damaged()), config].map(|error| {
        (
            error,
            "Internal - ranking is not set up; the service's log says more",
        )
    });
    let scores = [Error::Inference(Inference::Exists { path: path() }), score].map(|error| {
        (
            error,
            "Internal - the model gave no usable scores; the service's log says more",
        )
    });
    let mut cases = asked_wrongly();
    cases.extend(rankers());
    cases.extend(setup);
    cases.extend(scores);
    cases
}
