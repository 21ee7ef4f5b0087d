//! The rankers of one release: which version answers whom. One request is answered from one
//! fleet.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_release::Live;
use fairlead_release_follow::{Reports, Standing};

use crate::error::Error;
use crate::ranker::{ROLE, Ranker};
use crate::rows::Rows;
use crate::serving::Serving;

/// Everything that one request reads.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// The release.
    pub(crate) live: Arc<Live>,
    /// The instant that product rows hold at, Unix milliseconds.
    pub(crate) as_of_ms: i64,
    /// When product counters were last read, Unix milliseconds; 0 when they never were.
    pub(crate) counters_read_ms: i64,
    /// The state of each version of the release, by the name that arms give it.
    pub(crate) versions: BTreeMap<String, Standing<Ready>>,
    /// For who names no version.
    pub(crate) default: DefaultRanker,
}

/// A ranker with its product rows.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) ranker: Arc<Ranker>,
    pub(crate) rows: Rows,
}

/// The ranker that answers a request without a version.
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

    /// Notes what became of the release's rankers, once all are loaded.
    pub(crate) fn report(&self, reports: &Reports) {
        let revision = self.live.revision();
        let refused: Vec<String> = self
            .versions
            .iter()
            .filter_map(|(version, standing)| match standing {
                Standing::Refused(reason) => Some(format!("version {version}: {reason}")),
                Standing::Ready(_) | Standing::Loading => None,
            })
            .collect();
        let mut standings = self.versions.values();
        if !refused.is_empty() {
            reports.refused(ROLE, revision, refused.join("; "));
        } else if standings.all(|standing| !matches!(standing, Standing::Loading)) {
            reports.taken(ROLE, revision);
        }
    }

    /// Returns what this fleet serves, in words.
    pub(crate) fn serving(&self) -> Serving {
        let answers = self.choose("").ok();
        let mut serving = Serving {
            release_revision: self.live.revision(),
            model_version: answers.map_or_else(String::new, |ready| ready.ranker.title.clone()),
            counters_read_ms: self.counters_read_ms,
            ..Serving::default()
        };
        for (version, standing) in &self.versions {
            let version = version.clone();
            match standing {
                Standing::Ready(_) => serving.ready.push(version),
                Standing::Loading => serving.loading.push(version),
                Standing::Refused(reason) => serving.refused.push((version, reason.clone())),
            }
        }
        serving
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
