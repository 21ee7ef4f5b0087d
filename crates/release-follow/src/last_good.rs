//! The last good release on disk, from which a service starts when the control plane is away.
//!
//! The file is eight bytes that say what it is, the SHA-256 of the rest, and the release in
//! protobuf. It is written beside its place, flushed to the disk, and renamed: there is the old
//! file or the new one, never a part.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use fairlead_domain::TenantId;
use fairlead_proto::control::v1::Release;
use prost::Message as _;
use sha2::{Digest, Sha256};

use crate::Error;

/// The first bytes of the file, with the version of its layout.
const MAGIC: &[u8; 8] = b"FLREL\0\0\x01";
const CHECKSUM: usize = 32;

/// The file of a tenant's last good release.
#[derive(Debug, Clone)]
pub struct LastGood {
    path: PathBuf,
}

impl LastGood {
    /// Returns the file of a tenant's release in `folder`, which need not exist.
    pub fn new(folder: impl AsRef<Path>, tenant: &TenantId) -> Self {
        Self {
            path: folder.as_ref().join(format!("release-{tenant}.last-good")),
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the release that was kept, or `None` if none was.
    ///
    /// # Errors
    /// A file that cannot be read, is cut short, altered, or of something else.
    pub fn load(&self) -> Result<Option<Release>, Error> {
        let content = match fs::read(&self.path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file(&self.path, "reading")(error)),
        };
        let corrupt = |reason: &dyn ToString| Error::corrupt(&self.path, reason.to_string());
        let (magic, rest) = content
            .split_first_chunk::<8>()
            .ok_or_else(|| corrupt(&format!("it has only {} bytes", content.len())))?;
        if magic != MAGIC {
            return Err(corrupt(&"it begins as something else"));
        }
        let (checksum, encoded) = rest
            .split_first_chunk::<CHECKSUM>()
            .ok_or_else(|| corrupt(&"it is cut short in its checksum"))?;
        if Sha256::digest(encoded)[..] != checksum[..] {
            return Err(corrupt(
                &"its checksum is not its content's: cut short or altered",
            ));
        }
        Release::decode(encoded)
            .map(Some)
            .map_err(|error| corrupt(&error))
    }

    /// Keeps a release in place of the one before.
    ///
    /// # Errors
    /// A folder that cannot be made or written; then the one before is still there.
    pub fn store(&self, release: &Release) -> Result<(), Error> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder).map_err(Error::file(folder, "making the folder"))?;
        let encoded = release.encode_to_vec();
        let mut draft = tempfile::Builder::new()
            .prefix(".release-")
            .tempfile_in(folder)
            .map_err(Error::file(folder, "making a file in"))?;
        let parts: [&[u8]; 3] = [MAGIC, &Sha256::digest(&encoded), &encoded];
        parts
            .iter()
            .try_for_each(|part| draft.write_all(part))
            .and_then(|()| draft.as_file().sync_all())
            .map_err(Error::file(draft.path(), "writing"))?;
        draft
            .persist(&self.path)
            .map_err(|error| Error::file(&self.path, "renaming into place")(error.error))?;
        // The rename itself is on the disk once the folder is.
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::file(folder, "writing"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release() -> Release {
        Release {
            revision: 5,
            tenant: "acme".to_owned(),
            comment: "kept".to_owned(),
            ..Release::default()
        }
    }

    fn kept() -> (tempfile::TempDir, LastGood) {
        let folder = tempfile::tempdir().expect("a folder");
        let tenant = TenantId::new("acme").expect("a tenant");
        let last_good = LastGood::new(folder.path().join("cache"), &tenant);
        last_good.store(&release()).expect("stored");
        (folder, last_good)
    }

    #[test]
    fn what_is_stored_is_loaded() {
        let (folder, last_good) = kept();
        assert_eq!(last_good.load().expect("read"), Some(release()));
        let newer = Release {
            revision: 6,
            ..release()
        };
        last_good.store(&newer).expect("stored");
        assert_eq!(last_good.load().expect("read"), Some(newer));
        let left = fs::read_dir(folder.path().join("cache"))
            .expect("a folder")
            .count();
        assert_eq!(left, 1, "a draft was left behind");
    }

    #[test]
    fn nothing_kept_is_no_error() {
        let tenant = TenantId::new("acme").expect("a tenant");
        assert_eq!(
            LastGood::new("/nowhere/at/all", &tenant)
                .load()
                .expect("nothing"),
            None
        );
    }

    proptest! {
        #[test]
        fn a_file_cut_anywhere_or_altered_anywhere_is_refused(at in any::<prop::sample::Index>(), cut in any::<bool>()) {
            let (_folder, last_good) = kept();
            let mut content = fs::read(last_good.path()).expect("read");
            let at = at.index(content.len());
            if cut {
                content.truncate(at);
            } else {
                content[at] ^= 0x10;
            }
            fs::write(last_good.path(), content).expect("written");
            let refused = last_good.load().expect_err("refused").to_string();
            prop_assert!(refused.contains("release-acme.last-good"), "{}", refused);
        }
    }
}
