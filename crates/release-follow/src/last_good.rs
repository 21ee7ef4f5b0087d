//! The last good release on disk, from which a service starts when the control plane is away.
//!

use std::path::Path;

use fairlead_chassis::kept_file::KeptFile;
use fairlead_domain::TenantId;
use fairlead_proto::control::v1::Release;
use prost::Message as _;

use crate::Error;

/// The first bytes of the file, with the version of its layout.
const MAGIC: &[u8; 8] = b"FLREL\0\0\x01";

/// The file of a tenant's last good release.
#[derive(Debug, Clone)]
pub struct LastGood {
    file: KeptFile,
}

impl LastGood {
    /// Returns the file of a tenant's release in `folder`, which need not exist.
    pub fn new(folder: impl AsRef<Path>, tenant: &TenantId) -> Self {
        Self {
            file: KeptFile::new(
                folder.as_ref().join(format!("release-{tenant}.last-good")),
                *MAGIC,
            ),
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the release that was kept, or `None` if none was.
    ///
    /// # Errors
    /// A file that cannot be read, is cut short, altered, or of something else.
    pub fn load(&self) -> Result<Option<Release>, Error> {
        let Some(encoded) = self.file.load()? else {
            return Ok(None);
        };
        Release::decode(encoded.as_slice())
            .map(Some)
            .map_err(|error| Error::corrupt(self.path(), error.to_string()))
    }

    /// Keeps a release in place of the one before.
    ///
    /// # Errors
    /// A folder that cannot be made or written; then the one before is still there.
    pub fn store(&self, release: &Release) -> Result<(), Error> {
        Ok(self.file.store(&release.encode_to_vec())?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
