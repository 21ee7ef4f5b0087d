//! The arguments that many calls have in common, each with its check.

use fairlead_domain::TenantId;

use crate::Error;

/// The longest comment, in characters.
const MAX_COMMENT: usize = 1_000;

/// Checks the tenant of a call.
pub(crate) fn tenant(text: &str) -> Result<TenantId, Error> {
    TenantId::new(text).map_err(|error| Error::argument("tenant", text, error.allowed))
}

/// Checks the comment on a change, which may be empty.
pub(crate) fn comment(text: &str) -> Result<&str, Error> {
    if text.chars().count() <= MAX_COMMENT {
        return Ok(text);
    }
    Err(Error::argument(
        "comment",
        text,
        format!("at most {MAX_COMMENT} characters"),
    ))
}

/// Checks an id that becomes part of names and paths.
pub(crate) fn id(field: &'static str, text: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(());
    }
    Err(Error::argument(
        field,
        text,
        "1 to 64 characters of [A-Za-z0-9_.-]",
    ))
}

/// Checks the name of an instance, often its host and port.
pub(crate) fn instance(text: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if (1..=128).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(());
    }
    let allowed = "1 to 128 characters of [A-Za-z0-9_.:-]";
    Err(Error::argument("instance", text, allowed))
}

/// Checks the version of a program, which may be empty.
pub(crate) fn version(text: &str) -> Result<(), Error> {
    if text.chars().count() <= 64 && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let allowed = "at most 64 characters without control characters";
    Err(Error::argument("version", text, allowed))
}

/// Checks a revision; 0 stands for none.
pub(crate) fn revision(field: &'static str, revision: i64) -> Result<(), Error> {
    if revision >= 0 {
        return Ok(());
    }
    Err(Error::argument(
        field,
        revision,
        "a revision, or 0 for none",
    ))
}

/// Returns the number of rows asked for; 0 stands for 50.
pub(crate) fn limit(rows: i32) -> Result<i64, Error> {
    match rows {
        0 => Ok(50),
        1..=1_000 => Ok(rows.into()),
        _ => Err(Error::argument("limit", rows, "1 to 1000, or 0 for 50")),
    }
}

/// Checks that the revision which the caller decided on is in force; 0 stands for any.
pub(crate) fn expected_revision(expected: i64, in_force: i64) -> Result<(), Error> {
    if expected < 0 {
        return Err(Error::argument(
            "expected_revision",
            expected,
            "a revision, or 0 for any",
        ));
    }
    if expected == 0 || expected == in_force {
        return Ok(());
    }
    Err(Error::Conflict {
        what: "the revision in force",
        expected,
        found: in_force,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked() {
        assert!(tenant("acme").is_ok() && tenant("a/b").is_err() && tenant("").is_err());
        assert!(id("role", "two-tower").is_ok() && id("role", "").is_err());
        assert!(instance("10.0.0.7:7004").is_ok() && instance("").is_err());
        assert!(instance("a b").is_err() && instance(&"x".repeat(129)).is_err());
        assert!(version("").is_ok() && version("0.1\n").is_err());
        assert!(revision("revision", 0).is_ok() && revision("revision", -1).is_err());
        assert!(id("role", "a b").is_err() && id("role", &"x".repeat(65)).is_err());
        assert!(comment("").is_ok() && comment(&"x".repeat(1_001)).is_err());
        assert_eq!(limit(0).ok(), Some(50));
        assert_eq!(limit(1_000).ok(), Some(1_000));
        assert!(limit(-1).is_err() && limit(1_001).is_err());
    }

    #[test]
    fn a_decision_on_another_revision_is_a_conflict() {
        assert!(expected_revision(0, 7).is_ok() && expected_revision(7, 7).is_ok());
        let refused = expected_revision(6, 7).expect_err("stale").to_string();
        assert!(refused.contains("is 7 by now, not 6"), "{refused}");
        assert!(expected_revision(-1, 7).is_err());
    }
}
