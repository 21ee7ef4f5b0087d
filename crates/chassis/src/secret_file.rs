//! Files with secrets that a process makes for itself: keys, tokens.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Result, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Returns the text of a file. Where there is none, it is made with the text that `make` returns,
/// readable by its owner alone; of several processes that find none one makes it.
///
/// # Errors
/// The file cannot be read or made. The error does not name the path.
pub fn read_or_make(path: &Path, make: impl FnOnce() -> String) -> Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            write_new(path, &make())?;
            std::fs::read_to_string(path)
        }
        read => read,
    }
}

/// Makes the file in one step: it is written beside its place, and linked into it unless one is
/// there.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let beside = path.with_extension(format!("{:016x}", rand::random::<u64>()));
    let mut out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    let linked = std::fs::hard_link(&beside, path);
    std::fs::remove_file(&beside)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tools.token");
        let first = read_or_make(&path, || "first".to_owned()).expect("made");
        let again = read_or_make(&path, || "second".to_owned()).expect("read");
        assert_eq!((first.as_str(), again.as_str()), ("first", "first"));
        let mode = std::fs::metadata(&path).expect("there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
        let error = read_or_make(&folder.path().join("none/x"), String::new);
        assert_eq!(error.expect_err("no folder").kind(), ErrorKind::NotFound);
    }
}
