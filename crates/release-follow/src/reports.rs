//! Reports of what became of releases in this process, for the control plane to show: the revision
//! in use, and the one that was refused, by its check or by a part of the service.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use tokio::sync::watch;

/// The longest reason that is sent, in characters.
const MAX_REASON: usize = 2_000;

/// The identity of a process in reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporter {
    /// The service: "ranking".
    pub service: String,
    /// This instance of it, unique within the service: "ranking-7f9c:7004".
    pub instance: String,
    /// The version of the program.
    pub version: String,
}

/// The notes of a service's parts on what became of a release. Cheap to clone; noting never waits.
///
/// A part is made from a release and can fail: "release" itself, "prices", "ranker".
#[derive(Debug, Clone, Default)]
pub struct Reports {
    noted: Arc<watch::Sender<Noted>>,
}

/// Everything noted; [`Reports::report`] sums it up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Noted {
    /// The release that passed the checks last; 0 before the first.
    live: i64,
    parts: BTreeMap<&'static str, Part>,
}

/// The notes of one part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Part {
    /// The revision in use, or `None` if the part never noted one.
    used: Option<i64>,
    refused: Option<(i64, String)>,
}

/// The report of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The revision that every part uses; 0 before the first.
    pub revision: i64,
    /// The newest revision that a part refused; 0 for none.
    pub refused_revision: i64,
    /// The reasons, each with the name of the part that refused it.
    pub reason: String,
}

impl Reports {
    /// Notes that a part uses this revision; its refusals of older ones are forgotten.
    pub fn taken(&self, part: &'static str, revision: i64) {
        self.note(part, |noted| {
            noted.used = Some(revision);
            noted.refused.take_if(|(refused, _)| *refused <= revision);
        });
    }

    /// Notes that a part refused this revision and keeps what it had.
    pub fn refused(&self, part: &'static str, revision: i64, reason: impl Into<String>) {
        let reason = reason.into();
        self.note(part, |noted| {
            noted.used.get_or_insert(0);
            noted.refused = Some((revision, reason));
        });
    }

    /// Returns the report of this instance.
    pub fn report(&self) -> Report {
        self.noted.borrow().report()
    }

    /// Returns a receiver that wakes at each change. It ends with the last handle.
    pub(crate) fn changed(&self) -> watch::Receiver<Noted> {
        self.noted.subscribe()
    }

    /// Notes that a release passed its checks.
    pub(crate) fn live(&self, revision: i64) {
        self.noted.send_if_modified(|noted| {
            let before = noted.live;
            noted.live = noted.live.max(revision);
            noted.live != before
        });
    }

    fn note(&self, part: &'static str, change: impl FnOnce(&mut Part)) {
        self.noted.send_if_modified(|noted| {
            let part = noted.parts.entry(part).or_default();
            let before = part.clone();
            change(part);
            *part != before
        });
    }
}

impl Noted {
    fn report(&self) -> Report {
        let used = self.parts.values().filter_map(|part| part.used);
        let refusals: Vec<(&str, i64, &str)> = self
            .parts
            .iter()
            .filter_map(|(name, part)| {
                let (revision, why) = part.refused.as_ref()?;
                Some((*name, *revision, why.as_str()))
            })
            .collect();
        let newest = refusals.iter().map(|(_, revision, _)| *revision).max();
        let refused_revision = newest.unwrap_or(0);
        let mut reason = String::new();
        for (name, _, why) in refusals
            .iter()
            .filter(|(_, revision, _)| *revision == refused_revision)
        {
            let separator = if reason.is_empty() { "" } else { "; " };
            // Writing to a text cannot fail.
            let _ = write!(reason, "{separator}{name}: {why}");
        }
        Report {
            revision: used.fold(self.live, i64::min),
            refused_revision,
            reason: reason.chars().take(MAX_REASON).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_part_and_the_newest_refusal_are_said() {
        let reports = Reports::default();
        assert_eq!(reports.report(), Report::default());
        reports.live(4);
        for part in ["release", "prices", "index", "models"] {
            reports.taken(part, 4);
        }
        assert_eq!(reports.report().revision, 4);
        reports.refused("release", 5, "no products");
        reports.live(6);
        reports.taken("release", 6);
        reports.taken("index", 6);
        reports.refused("prices", 6, "a hole");
        reports.refused("models", 6, "no folder");
        let expected = Report {
            revision: 4,
            refused_revision: 6,
            reason: "models: no folder; prices: a hole".to_owned(),
        };
        assert_eq!(reports.report(), expected);
        reports.live(7);
        for part in ["release", "prices", "index", "models"] {
            reports.taken(part, 7);
        }
        let mended = Report {
            revision: 7,
            ..Report::default()
        };
        assert_eq!(reports.report(), mended);
    }

    #[test]
    fn a_part_that_never_had_one_uses_none() {
        let reports = Reports::default();
        reports.live(1);
        reports.refused("prices", 1, "a hole");
        let report = reports.report();
        assert_eq!((report.revision, report.refused_revision), (0, 1));
    }

    #[test]
    fn only_a_change_wakes() {
        let reports = Reports::default();
        let mut changed = reports.changed();
        reports.taken("prices", 1);
        assert!(changed.has_changed().expect("lives"));
        changed.mark_unchanged();
        reports.taken("prices", 1);
        reports.live(0);
        assert!(!changed.has_changed().expect("lives"));
    }

    #[test]
    fn a_long_reason_is_cut() {
        let reports = Reports::default();
        reports.refused("prices", 1, "ä".repeat(5_000));
        assert_eq!(reports.report().reason.chars().count(), MAX_REASON);
    }
}
