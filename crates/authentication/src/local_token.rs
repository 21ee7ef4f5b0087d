//! A secret in a file of the data folder: whoever can read the file is trusted.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use fairlead_chassis::secret_file::read_or_make;

/// The fewest characters of a token.
const SHORTEST: usize = 32;

/// A secret in a file.
#[derive(Clone)]
pub(crate) struct LocalToken(String);

impl LocalToken {
    /// Reads the token of a file. Where there is no file, it is made with a fresh token, readable
    /// by its owner alone.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds fewer than 32 characters. The error names the path.
    pub(crate) fn kept_at(path: &Path) -> Result<Self> {
        let half = || format!("{:032x}", rand::random::<u128>());
        let named = |kind, cause| Error::new(kind, format!("{}: {cause}", path.display()));
        let text = read_or_make(path, || [half(), half()].concat())
            .map_err(|error| named(error.kind(), error.to_string()))?;
        let token = text.trim();
        if token.len() < SHORTEST {
            let cause = format!("a token of at least {SHORTEST} characters is needed");
            return Err(named(ErrorKind::InvalidData, cause));
        }
        Ok(Self(token.to_owned()))
    }

    /// Returns the token.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Returns true if this is the token. The time it takes does not depend on how much of it is.
    pub(crate) fn is(&self, presented: &str) -> bool {
        let (own, presented) = (self.0.as_bytes(), presented.as_bytes());
        let pairs = own.iter().zip(presented);
        let differing = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        own.len() == presented.len() && differing == 0
    }
}
