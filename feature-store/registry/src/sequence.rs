//! Stored sequences, newest first in event time. The order of arrival decides nothing: ties in time
//! are broken by kind, then by product.

use std::cmp::Ordering;

use fairlead_proto::event::v1::EventKind;
use fairlead_proto::feature::v1::SequenceEntry;

/// Compares two entries, newest first. The order is total.
fn order(a: &SequenceEntry, b: &SequenceEntry) -> Ordering {
    (b.event_time_ms, b.event_kind, &b.product_id).cmp(&(
        a.event_time_ms,
        a.event_kind,
        &a.product_id,
    ))
}

/// Returns true if the product is held from this entry on.
pub(crate) fn opens(entry: &SequenceEntry) -> bool {
    entry.event_kind != EventKind::HoldingClosed as i32
}

/// Keeps the entry if it is among the `length` newest. Returns true if it was kept.
pub(crate) fn keep_recent(
    entries: &mut Vec<SequenceEntry>,
    entry: SequenceEntry,
    length: usize,
) -> bool {
    let at = insertion_index(entries, &entry);
    if at >= length {
        return false;
    }
    entries.truncate(length - 1);
    entries.insert(at, entry);
    true
}

/// Keeps the entry if none newer is known of its product. Returns true if it was kept. A closed
/// product stays in the sequence, so that an opening that arrives late does not bring it back:
/// `length` closed ones are kept beside the open ones.
pub(crate) fn keep_held(
    entries: &mut Vec<SequenceEntry>,
    entry: SequenceEntry,
    length: usize,
) -> bool {
    let known = entries
        .iter()
        .position(|other| other.product_id == entry.product_id);
    if let Some(index) = known {
        if order(&entry, &entries[index]) != Ordering::Less {
            return false;
        }
        entries.remove(index);
    }
    let opened = opens(&entry);
    let at = insertion_index(entries, &entry);
    entries.insert(at, entry);
    let alike = entries
        .iter()
        .filter(|other| opens(other) == opened)
        .count();
    if alike <= length {
        return true;
    }
    let oldest = entries.iter().rposition(|other| opens(other) == opened);
    if let Some(oldest) = oldest {
        entries.remove(oldest);
        return oldest != at;
    }
    true
}

/// Returns the index at which the entry is inserted. A new entry mostly belongs to the front.
fn insertion_index(entries: &[SequenceEntry], entry: &SequenceEntry) -> usize {
    entries
        .iter()
        .position(|other| order(entry, other) == Ordering::Less)
        .unwrap_or(entries.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(product: &str, kind: EventKind, at: i64) -> SequenceEntry {
        SequenceEntry {
            product_id: product.into(),
            event_kind: kind.into(),
            event_time_ms: at,
        }
    }

    fn held(entries: &[SequenceEntry]) -> Vec<&str> {
        let open = entries.iter().filter(|entry| opens(entry));
        open.map(|entry| entry.product_id.as_str()).collect()
    }

    #[test]
    fn the_newest_stay() {
        let mut entries = Vec::new();
        for at in [5, 1, 9, 7, 3] {
            keep_recent(&mut entries, entry("p", EventKind::Click, at), 3);
        }
        let times: Vec<_> = entries.iter().map(|entry| entry.event_time_ms).collect();
        assert_eq!(times, [9, 7, 5]);
        assert!(!keep_recent(
            &mut entries,
            entry("p", EventKind::Click, 4),
            3
        ));
    }

    #[test]
    fn a_late_opening_does_not_bring_back_what_was_closed() {
        let mut entries = Vec::new();
        assert!(keep_held(
            &mut entries,
            entry("a", EventKind::HoldingClosed, 20),
            5
        ));
        assert!(!keep_held(
            &mut entries,
            entry("a", EventKind::HoldingOpened, 10),
            5
        ));
        assert_eq!(held(&entries), Vec::<&str>::new());
        assert!(keep_held(
            &mut entries,
            entry("a", EventKind::HoldingOpened, 30),
            5
        ));
        assert_eq!(held(&entries), ["a"]);
    }

    #[test]
    fn closing_wins_in_the_same_millisecond() {
        for turned in [false, true] {
            let mut both = [
                entry("a", EventKind::HoldingOpened, 10),
                entry("a", EventKind::HoldingClosed, 10),
            ];
            if turned {
                both.reverse();
            }
            let mut entries = Vec::new();
            for one in both {
                keep_held(&mut entries, one, 5);
            }
            assert_eq!(held(&entries), Vec::<&str>::new());
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut entries = Vec::new();
        for at in 0..1_000 {
            let kind = if at % 2 == 0 {
                EventKind::HoldingOpened
            } else {
                EventKind::HoldingClosed
            };
            keep_held(&mut entries, entry(&format!("p{at}"), kind, at), 10);
        }
        assert_eq!(entries.len(), 20);
        assert_eq!(held(&entries).first(), Some(&"p998"));
    }
}
