//! The token by which the bank's own tools on the same machine prove themselves.

use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use fairlead_chassis::secret_file::read_or_make;

/// The fewest characters of a token.
const SHORTEST: usize = 32;

/// The token by which the bank's own tools on the same machine prove themselves: whoever can read
/// the file in the data folder acts for the bank. Printing it does not show it.
#[derive(Clone)]
pub struct ToolsToken(String);

impl ToolsToken {
    /// The name of the file in the data folder.
    pub const FILE: &str = "tools.token";

    /// Reads the token of a file. Where there is no file, it is made with a fresh token, readable
    /// by its owner alone.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds fewer than 32 characters. The error names the path.
    pub fn kept_at(path: &Path) -> Result<Self> {
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

    /// Returns true if this is the token. The time it takes does not depend on how much of it is.
    pub fn is(&self, presented: &str) -> bool {
        let (own, presented) = (self.0.as_bytes(), presented.as_bytes());
        let pairs = own.iter().zip(presented);
        let differing = pairs.fold(0, |all, (one, other)| all | (one ^ other));
        own.len() == presented.len() && differing == 0
    }
}

impl fmt::Debug for ToolsToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ToolsToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_no_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ToolsToken::FILE);
        let token = ToolsToken::kept_at(&path).expect("made");
        let text = std::fs::read_to_string(&path).expect("read");
        let again = ToolsToken::kept_at(&path).expect("read");
        for one in [&token, &again] {
            assert!(one.is(&text));
            for wrong in ["", &text[1..], &format!("{text}0"), &"0".repeat(64)] {
                assert!(!one.is(wrong), "{wrong}");
            }
            assert!(!format!("{one:?}").contains(&text));
        }
    }

    #[test]
    fn a_short_token_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ToolsToken::FILE);
        std::fs::write(&path, "secret\n").expect("written");
        let error = ToolsToken::kept_at(&path)
            .expect_err("too short")
            .to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(error.contains(ToolsToken::FILE), "{error}");
    }
}
