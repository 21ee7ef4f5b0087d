//! Gathers changes, and counts those of which there are too many to list.

use std::collections::BTreeMap;

use super::{Change, ChangeKind, Difference};
use crate::section::Section;

/// The most changes of one section that a difference lists, but for overrides.
pub const MOST_LISTED: usize = 200;

/// The longest value that a change repeats, in characters.
const MOST_TEXT: usize = 200;

/// The changes so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    changes: BTreeMap<Section, Vec<Change>>,
    left_out: BTreeMap<Section, usize>,
}

impl Collector {
    /// Notes that an object, or a part of one, has another value; a value that is `None` is absent.
    pub(super) fn note(
        &mut self,
        section: Section,
        object: &str,
        part: &str,
        before: Option<String>,
        after: Option<String>,
    ) {
        let kind = match (&before, &after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        self.push(Change {
            section,
            object: object.to_owned(),
            part: part.to_owned(),
            kind,
            before: cut(before.unwrap_or_default()),
            after: cut(after.unwrap_or_default()),
        });
    }

    pub(super) fn push(&mut self, change: Change) {
        let section = change.section;
        let listed = self.changes.entry(section).or_default();
        // Whoever signs a release sees each customer that is treated apart.
        if listed.len() < MOST_LISTED || section == Section::Overrides {
            listed.push(change);
        } else {
            *self.left_out.entry(section).or_default() += 1;
        }
    }

    pub(super) fn finish(self) -> Difference {
        Difference {
            changes: self.changes.into_values().flatten().collect(),
            left_out: self.left_out.into_iter().collect(),
        }
    }
}

/// Cuts a text to the longest that is repeated.
fn cut(text: String) -> String {
    if text.chars().count() <= MOST_TEXT {
        return text;
    }
    let mut short: String = text.chars().take(MOST_TEXT - 1).collect();
    short.push('…');
    short
}
