//! The token by which the services of one installation know each other where no certificates do.

use std::fmt;
use std::io::Result;
use std::path::Path;

use fairlead_identity::{Kind, Principal, Tenants, service_permissions};

use crate::local_token::LocalToken;

/// The token by which the services of one installation know each other where they have no
/// certificates: whoever can read the file may call as any of them. A service shows its name, a dot,
/// and the token. Printing it does not show it.
#[derive(Clone)]
pub struct ServicesToken(LocalToken);

impl ServicesToken {
    /// The name of the file in the data folder.
    pub const FILE: &str = "services.token";

    /// Reads the token of a file. Where there is no file, it is made with a fresh token, readable
    /// by its owner alone.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds fewer than 32 characters. The error names the path.
    pub fn kept_at(path: &Path) -> Result<Self> {
        LocalToken::kept_at(path).map(Self)
    }

    /// Returns the bearer token of a service.
    pub fn of(&self, service: &str) -> String {
        format!("{service}.{}", self.0.text())
    }

    /// Returns the service that shows this bearer token, or `None` if it is not of this installation.
    pub fn known(&self, bearer: &str) -> Option<Principal> {
        let (name, token) = bearer.split_once('.')?;
        self.0.is(token).then_some(())?;
        service(name)
    }
}

/// Returns the service of this name, which may do what its name allows, or `None` if there is none.
pub fn service(name: &str) -> Option<Principal> {
    let permissions = service_permissions(name)?;
    Some(Principal::new(Kind::Service, name, Tenants::Any).with_permissions(permissions))
}

impl fmt::Debug for ServicesToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ServicesToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_its_name_and_the_token() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ServicesToken::FILE);
        let token = ServicesToken::kept_at(&path).expect("made");
        let text = std::fs::read_to_string(&path).expect("read");
        let ranking = token.known(&token.of("ranking")).expect("a service");
        assert_eq!(ranking.to_string(), "service:ranking");
        for wrong in [
            String::new(),
            text.clone(),
            format!(".{text}"),
            format!("nobody.{text}"),
            format!("ranking.{}", &text[1..]),
            format!("ranking.{text}."),
            "ranking.".to_owned(),
        ] {
            assert_eq!(token.known(&wrong), None, "{wrong}");
        }
        assert!(!format!("{token:?}").contains(&text));
    }
}
