//! The errors of files; what a check finds wrong with a release is no error of this crate.

use std::io;
use std::path::{Path, PathBuf};

use fairlead_chassis::kept_file::KeptError;

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
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
    /// A kept release is not what was written.
    #[error("`{}` is not a kept release: {reason}; allowed: a file written whole by a follower", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// A model's folder holds something else than the release was published with.
    #[error("{}: its files have hash {found}; allowed: {published}, the hash in the release", path.display())]
    OtherModel {
        /// The folder.
        path: PathBuf,
        /// The hash of its files.
        found: String,
        /// The hash in the release.
        published: String,
    },
    /// A folder is not a model's.
    #[error("`{}` is not a model's folder: {reason}", path.display())]
    ModelFolder {
        /// The folder.
        path: PathBuf,
        /// The fault, and what is allowed.
        reason: String,
    },
}

impl From<KeptError> for Error {
    fn from(error: KeptError) -> Self {
        match error {
            KeptError::File {
                doing,
                path,
                source,
            } => Self::File {
                doing,
                path,
                source,
            },
            KeptError::Altered { path, reason } => Self::Corrupt { path, reason },
        }
    }
}

impl Error {
    pub(crate) fn file(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            doing,
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn corrupt(path: &Path, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}
