//! Files in which a process keeps what it was last told, to start from it when the one who tells is
//! away.
//!
//! A file is eight bytes that say what it is, the SHA-256 of the rest, and the content. It is written
//! beside its place, readable by its owner alone, flushed to the disk, and renamed: there is the old file
//! or the new one, never a part.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

const CHECKSUM: usize = 32;

/// A kept file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file or folder could not be used.
    #[error("{doing} `{}` failed: {source}", path.display())]
    File {
        /// The action: "reading".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The content is not what was written.
    #[error("`{}` is not what was kept: {reason}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
}

/// A file in which something is kept.
#[derive(Debug, Clone)]
pub struct KeptFile {
    path: PathBuf,
    magic: [u8; 8],
}

impl KeptFile {
    /// Returns the file at `path`, whose folder need not exist. `magic` says what is kept, with the
    /// version of its layout.
    pub fn new(path: impl Into<PathBuf>, magic: [u8; 8]) -> Self {
        Self {
            path: path.into(),
            magic,
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what was kept, or `None` if nothing was.
    ///
    /// # Errors
    /// A file that cannot be read, is cut short, altered, or of something else.
    pub fn load(&self) -> Result<Option<Vec<u8>>, KeptError> {
        let content = match fs::read(&self.path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&self.path, "reading")(error)),
        };
        let altered = |reason: String| KeptError::Altered {
            path: self.path.clone(),
            reason,
        };
        let (magic, rest) = content
            .split_first_chunk::<8>()
            .ok_or_else(|| altered(format!("it has only {} bytes", content.len())))?;
        if *magic != self.magic {
            return Err(altered("it begins as something else".to_owned()));
        }
        let (checksum, kept) = rest
            .split_first_chunk::<CHECKSUM>()
            .ok_or_else(|| altered("it is cut short in its checksum".to_owned()))?;
        if Sha256::digest(kept)[..] != checksum[..] {
            let reason = "its checksum is not its content's: cut short or altered";
            return Err(altered(reason.to_owned()));
        }
        Ok(Some(kept.to_vec()))
    }

    /// Keeps `content` in place of what was kept before.
    ///
    /// # Errors
    /// A folder that cannot be made or written; then what was kept before is still there.
    pub fn store(&self, content: &[u8]) -> Result<(), KeptError> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder).map_err(failed(folder, "making the folder"))?;
        // Readable by its owner alone.
        let mut draft = tempfile::Builder::new()
            .prefix(".kept-")
            .tempfile_in(folder)
            .map_err(failed(folder, "making a file in"))?;
        let parts: [&[u8]; 3] = [&self.magic, &Sha256::digest(content), content];
        parts
            .iter()
            .try_for_each(|part| draft.write_all(part))
            .and_then(|()| draft.as_file().sync_all())
            .map_err(failed(draft.path(), "writing"))?;
        draft
            .persist(&self.path)
            .map_err(|error| failed(&self.path, "renaming into place")(error.error))?;
        // The rename itself is on the disk once the folder is.
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed(folder, "writing"))
    }
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> KeptError {
    let path = path.to_path_buf();
    move |source| KeptError::File {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_for_its_owner_and_of_one_kind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("below").join("keys");
        let file = KeptFile::new(&path, *b"KIND\0\0\0\x01");
        assert_eq!(file.load().expect("nothing yet"), None);
        file.store(b"first").expect("stored");
        file.store(b"second").expect("stored");
        assert_eq!(file.load().expect("kept").as_deref(), Some(&b"second"[..]));
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = KeptFile::new(&path, *b"KIND\0\0\0\x02").load();
        let said = other.expect_err("another kind").to_string();
        assert!(said.contains("begins as something else"), "{said}");
    }
}
