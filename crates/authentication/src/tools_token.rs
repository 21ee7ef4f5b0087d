//! The token by which the bank's own tools on the same machine prove themselves.

use std::fmt;
use std::io::Result;
use std::path::Path;

use crate::local_token::LocalToken;

/// The token by which the bank's own tools on the same machine prove themselves: whoever can read
/// the file in the data folder acts for the bank. Printing it does not show it.
#[derive(Clone)]
pub struct ToolsToken(LocalToken);

impl ToolsToken {
    /// The name of the file in the data folder.
    pub const FILE: &str = "tools.token";

    /// Reads the token of a file. Where there is no file, it is made with a fresh token, readable
    /// by its owner alone.
    ///
    /// # Errors
    /// The file cannot be read or made, or holds fewer than 32 characters. The error names the path.
    pub fn kept_at(path: &Path) -> Result<Self> {
        LocalToken::kept_at(path).map(Self)
    }

    /// Returns true if this is the token. The time it takes does not depend on how much of it is.
    pub fn is(&self, presented: &str) -> bool {
        self.0.is(presented)
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
