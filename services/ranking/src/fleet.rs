//! The rankers of one release: which version answers whom. One request is answered from one
//! fleet.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_release::Live;

use crate::error::Error;
use crate::ranker::Ranker;
use crate::rows::Rows;

/// Everything that one request reads.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The release.
    pub(crate) live: Arc<Live>,
    /// The instant that product rows hold at, Unix milliseconds.
    pub(crate) as_of_ms: i64,
    /// By version, as arms name them.
    pub(crate) versions: BTreeMap<String, Standing>,
    /// For who names no version.
    pub(crate) default: DefaultRanker,
}

/// Where one version of the release stands.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// It answers.
    Ready(Arc<Ready>),
    /// It is being loaded.
    Loading,
    /// It was refused, and why.
    Refused(String),
}

/// A ranker with its product rows.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) ranker: Arc<Ranker>,
    pub(crate) rows: Rows,
}

/// What answers a request that names no version.
#[derive(Debug, Clone)]
pub(crate) enum DefaultRanker {
    /// The release names no ranker at all.
    NoRanker,
    /// The release names rankers, but none as the default.
    NoDefault,
    /// The release's default, of this version.
    Version(String),
    /// An earlier release's default, while this release's is loaded or because it was refused.
    Earlier(Arc<Ready>),
}

impl Fleet {
    /// The ranker for `version`; for the release's default where it is empty.
    ///
    /// # Errors
    /// [`Error::NoRanker`], [`Error::UnknownVersion`], [`Error::Loading`], [`Error::Refused`].
    pub(crate) fn choose(&self, version: &str) -> Result<&Arc<Ready>, Error> {
        if !version.is_empty() {
            return self.of_version(version);
        }
        let revision = self.live.revision();
        match &self.default {
            DefaultRanker::Earlier(ready) => Ok(ready),
            DefaultRanker::Version(version) => self.of_version(version),
            DefaultRanker::NoRanker => Err(Error::NoRanker {
                which: "",
                revision,
            }),
            DefaultRanker::NoDefault => Err(Error::NoRanker {
                which: "default ",
                revision,
            }),
        }
    }

    fn of_version(&self, version: &str) -> Result<&Arc<Ready>, Error> {
        let revision = self.live.revision();
        match self.versions.get(version) {
            Some(Standing::Ready(ready)) => Ok(ready),
            Some(Standing::Loading) => Err(Error::Loading {
                version: version.to_owned(),
                revision,
            }),
            Some(Standing::Refused(reason)) => Err(Error::Refused {
                version: version.to_owned(),
                revision,
                reason: reason.clone(),
            }),
            None => Err(Error::UnknownVersion {
                asked: version.to_owned(),
                revision,
                known: self.known(),
            }),
        }
    }

    /// The versions that can be asked for, in words.
    fn known(&self) -> String {
        if self.versions.is_empty() {
            return "none, the release has no ranker".to_owned();
        }
        let versions: Vec<&str> = self.versions.keys().map(String::as_str).collect();
        versions.join(", ")
    }
}
