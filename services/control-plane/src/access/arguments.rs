//! The arguments of calls about people and keys, each with its check.

use std::collections::BTreeSet;

use fairlead_domain::Origin;
use fairlead_identity::{Permission, Permissions, Role, permission_name};
use fairlead_proto::access::v1::{CreateKeyRequest, KeyKind};

use crate::Error;

/// The highest rate of a key.
const MAX_RATE: u32 = 1_000_000;

/// The longest overlap of a key's secrets, in seconds.
const MAX_OVERLAP: i64 = 90 * 86_400;

/// Checks the name of a person.
pub(super) fn name(text: &str) -> Result<&str, Error> {
    let begins = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let plain = |byte: u8| begins(byte) || b"._@-".contains(&byte);
    let first = text.bytes().next().is_some_and(begins);
    if first && text.len() <= 64 && text.bytes().all(plain) {
        return Ok(text);
    }
    let allowed = "1 to 64 characters of [a-z0-9._@-], the first a letter or digit";
    Err(Error::argument("name", text, allowed))
}

/// Checks the subject of a person at the identity provider, which may be empty.
pub(super) fn subject(text: &str) -> Result<&str, Error> {
    if text.len() <= 255 && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    let allowed = "at most 255 bytes without control characters";
    Err(Error::argument("subject", text, allowed))
}

/// Returns the roles of these names, each once.
pub(super) fn roles(names: &[String]) -> Result<Vec<Role>, Error> {
    let role = |name: &String| {
        Role::from_name(name).ok_or_else(|| {
            let all = Role::ALL.map(Role::name).join(", ");
            Error::argument("roles", name, format!("one of {all}"))
        })
    };
    let roles: BTreeSet<Role> = names.iter().map(role).collect::<Result<_, _>>()?;
    Ok(roles.into_iter().collect())
}

/// Checks the name of a key, which people read.
pub(super) fn key_name(text: &str) -> Result<&str, Error> {
    let fits = (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        return Ok(text);
    }
    let allowed = "1 to 128 characters without control characters";
    Err(Error::argument("name", text, allowed))
}

/// Returns the origin of a key: the one that is named, or that of its kind.
pub(super) fn origin(kind: KeyKind, named: &str) -> Result<Origin, Error> {
    let allowed: &[Origin] = match kind {
        KeyKind::Application => &[Origin::App, Origin::Bank],
        KeyKind::Partner => &[Origin::Partner],
        KeyKind::Unspecified => {
            let allowed = "KEY_KIND_APPLICATION, KEY_KIND_PARTNER";
            return Err(Error::argument("kind", "", allowed));
        }
    };
    if named.is_empty() {
        return Ok(allowed[0]);
    }
    let found = Origin::from_name(named).filter(|origin| allowed.contains(origin));
    found.ok_or_else(|| {
        let names: Vec<&str> = allowed.iter().map(|origin| origin.name()).collect();
        Error::argument(
            "origin",
            named,
            format!("for this kind: {}", names.join(", ")),
        )
    })
}

/// Returns the scopes of a key, each once.
pub(super) fn scopes(request: &CreateKeyRequest) -> Result<Permissions, Error> {
    let allowed = || {
        let names: Vec<String> = Permissions::OF_KEYS.iter().map(permission_name).collect();
        format!("one or more of {}", names.join(", "))
    };
    for number in &request.scopes {
        let scope = Permission::try_from(*number);
        if !scope.is_ok_and(|scope| {
            scope != Permission::Unspecified && Permissions::OF_KEYS.contains(scope)
        }) {
            let named = scope.map_or_else(|_| number.to_string(), permission_name);
            return Err(Error::argument("scopes", named, allowed()));
        }
    }
    if request.scopes.is_empty() {
        return Err(Error::argument("scopes", "", allowed()));
    }
    Ok(request.scopes().collect())
}

/// Checks the rate of a key.
pub(super) fn rate(requests_per_second: u32) -> Result<u32, Error> {
    if (1..=MAX_RATE).contains(&requests_per_second) {
        return Ok(requests_per_second);
    }
    let allowed = format!("1 to {MAX_RATE}");
    Err(Error::argument(
        "requests_per_second",
        requests_per_second,
        allowed,
    ))
}

/// Checks the time for which a key is good.
pub(super) fn validity(not_before_ms: i64, expires_at_ms: i64, now_ms: i64) -> Result<(), Error> {
    if not_before_ms < 0 {
        let allowed = "a time in Unix milliseconds, or 0";
        return Err(Error::argument("not_before_ms", not_before_ms, allowed));
    }
    if expires_at_ms == 0 || expires_at_ms > now_ms.max(not_before_ms) {
        return Ok(());
    }
    let allowed = "a time to come, after not_before_ms, or 0";
    Err(Error::argument("expires_at_ms", expires_at_ms, allowed))
}

/// Checks the overlap of a key's secrets.
pub(super) fn overlap(seconds: i64) -> Result<i64, Error> {
    if (0..=MAX_OVERLAP).contains(&seconds) {
        return Ok(seconds);
    }
    let allowed = format!("0 to {MAX_OVERLAP}");
    Err(Error::argument("overlap_seconds", seconds, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for good in ["ada", "ada.l@bank.example", "7of9", &"a".repeat(64)] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in ["", "Ada", "-a", "a b", "a:b", "a/b", "é", &"a".repeat(65)] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_partner_is_no_app_and_no_bank() {
        let of = |kind, named| origin(kind, named).map(Origin::name).ok();
        assert_eq!(of(KeyKind::Application, ""), Some("app"));
        assert_eq!(of(KeyKind::Application, "bank"), Some("bank"));
        assert_eq!(of(KeyKind::Application, "partner"), None);
        assert_eq!(of(KeyKind::Partner, ""), Some("partner"));
        for other in ["app", "bank", "Partner"] {
            assert_eq!(of(KeyKind::Partner, other), None);
        }
        assert_eq!(of(KeyKind::Unspecified, ""), None);
    }

    #[test]
    fn a_key_is_for_what_apps_do() {
        let of = |numbers: &[i32]| {
            scopes(&CreateKeyRequest {
                scopes: numbers.to_vec(),
                ..CreateKeyRequest::default()
            })
        };
        let quote = i32::from(Permission::Quote);
        assert_eq!(of(&[quote, quote]).expect("one").iter().count(), 1);
        assert!(of(&[]).is_err() && of(&[0]).is_err() && of(&[9_999]).is_err());
        let said = of(&[Permission::Decide.into()]).expect_err("a service's");
        assert!(said.to_string().contains("`decide`"), "{said}");
        for person in Role::ALL.into_iter().filter(|role| *role != Role::Viewer) {
            let beyond = person
                .permissions()
                .iter()
                .find(|one| !Permissions::OF_KEYS.contains(*one));
            let beyond = beyond.expect("people do more");
            assert!(of(&[beyond.into()]).is_err(), "{beyond:?}");
        }
    }

    #[test]
    fn times_and_rates_are_checked() {
        assert!(validity(0, 0, 100).is_ok() && validity(200, 300, 100).is_ok());
        assert!(validity(0, 100, 100).is_err() && validity(200, 200, 100).is_err());
        assert!(validity(-1, 0, 100).is_err() && validity(0, -5, 100).is_err());
        assert!(rate(1).is_ok() && rate(0).is_err() && rate(1_000_001).is_err());
        assert!(overlap(0).is_ok() && overlap(-1).is_err() && overlap(MAX_OVERLAP + 1).is_err());
    }
}
