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

fn databases() -> Vec<(Error, &'static str)> {
    let database = || "sqlite control.db".to_owned();
    let cause = || sqlx::Error::Protocol(SECRET.to_owned());
    let open = Error::Open {
        database: database(),
        source: cause(),
    };
    let migration = Error::Migration {
        database: database(),
        source: MigrateError::Execute(cause()),
    };
    let newer = Error::Newer {
        database: database(),
        version: 7,
    };
    let failed = Error::Database {
        database: database(),
        source: cause(),
    };
    let corrupt = Error::Corrupt {
        what: "release 3 of acme".to_owned(),
        cause: SECRET.to_owned(),
    };
    let away = [open, migration, newer, failed].map(|error| {
        (
            error,
            "Unavailable UNAVAILABLE control database sqlite control.db is unavailable: try again; \
             the log of the control plane says why",
        )
    });
    let damaged = [corrupt, Error::Row(cause())].map(|error| {
        (
            error,
            "DataLoss - the control database is damaged; the log says where",
        )
    });
    let mut cases = Vec::from(away);
    cases.extend(damaged);
    cases.push((
        Error::Overtaken(cause()),
        "Aborted CONFLICT write `on an older state` is not allowed: read it again and decide again",
    ));
    cases
}

fn asked_wrongly() -> Vec<(Error, &'static str)> {
    let refused = Error::Refused {
        what: "the draft",
        sent: true,
        findings: vec![Finding {
            severity: "error".to_owned(),
            rule: "range".to_owned(),
            message: "too high".to_owned(),
            ..Finding::default()
        }],
    };
    let not_found = Error::NotFound {
        what: "revision",
        value: "9".to_owned(),
        allowed: "1 to 3".to_owned(),
    };
    let exists = Error::Exists {
        what: "model version",
        value: "m@1".to_owned(),
        allowed: "a new version",
    };
    let conflict = Error::Conflict {
        what: "the revision in force",
        expected: 2,
        found: 3,
    };
    vec![
        (
            Error::argument("limit", 0, "1 to 500"),
            "InvalidArgument INVALID_ARGUMENT limit `0` is not allowed: 1 to 500",
        ),
        (
            refused,
            "InvalidArgument REFUSED the draft is refused with 1 findings; the first: too high",
        ),
        (
            not_found,
            "NotFound NOT_FOUND revision `9` is not allowed: 1 to 3",
        ),
        (
            exists,
            "AlreadyExists ALREADY_EXISTS model version `m@1` is not allowed: a new version",
        ),
        (
            conflict,
            "Aborted CONFLICT the revision in force `2` is not allowed: 3, what it is by now",
        ),
    ]
}

fn about_people() -> Vec<(Error, &'static str)> {
    vec![
        (
            AccessError::WrongSignIn.into(),
            "Unauthenticated SIGN_IN_REFUSED the name, the password or the invitation is wrong, or the \
             person may not sign in",
        ),
        (
            AccessError::SignInPaused { seconds: 4 }.into(),
            "ResourceExhausted SIGN_IN_PAUSED too many wrong passwords for this name: wait 4 s",
        ),
        (
            AccessError::NoRoles.into(),
            "PermissionDenied NO_ROLES the person has no role: an administrator gives one (fairlead \
             access roles)",
        ),
        (
            AccessError::OwnRoles.into(),
            "PermissionDenied OWN_ROLES nobody changes their own roles or disables themselves: another \
             administrator does",
        ),
        (
            AccessError::LastAdministrator.into(),
            "FailedPrecondition LAST_ADMINISTRATOR the tenant would have no administrator: make another \
             person one first",
        ),
    ]
}

fn cases() -> Vec<(Error, &'static str)> {
    let config = Error::Config {
        key: "control.x",
        value: SECRET.to_owned(),
        allowed: "less".to_owned(),
    };
    let folder = Error::Folder {
        path: SECRET.to_owned(),
        source: std::io::ErrorKind::PermissionDenied.into(),
    };
    let internal = [config, folder].map(|error| {
        (
            error,
            "Internal - the call failed; the log of the control plane says why",
        )
    });
    let denied = Error::Denied(Denied::Unknown("sign in first"));
    let mut cases = databases();
    cases.extend(about_people());
    cases.push((denied, "Unauthenticated UNAUTHENTICATED sign in first"));
    cases.extend(asked_wrongly());
    cases.extend(not_allowed());
    cases.extend(internal);
    cases
}

fn not_allowed() -> [(Error, &'static str); 3] {
    [
        (
            Error::Section {
                section: Section::CostModels,
            },
            "PermissionDenied PERMISSION_DENIED the section cost models changes, which needs the \
             permission guardrail.edit",
        ),
        (
            Error::Priced {
                reason: "it changes the section guardrails".to_owned(),
            },
            "PermissionDenied PERMISSION_DENIED publishing this needs the permission \
             change.publish: it changes the section guardrails",
        ),
        (
            Error::OwnOverride("c-1".to_owned()),
            "PermissionDenied OWN_OVERRIDE nobody puts the customer into an arm for whom they \
             speak: c-1",
        ),
    ]
}
