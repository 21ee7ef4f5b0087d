//! The kinds of event: their names in the features file, and those that always name a product.

use fairlead_proto::event::v1::EventKind;

/// The highest number of an event kind; a test holds it to the contract.
pub(crate) const EVENT_KINDS: i32 = 13;

/// Returns an event kind as the features file writes it: `holding_opened`.
pub(crate) fn event_kind_name(kind: EventKind) -> String {
    kind.as_str_name()
        .trim_start_matches("EVENT_KIND_")
        .to_ascii_lowercase()
}

/// Returns the kinds of event, `Unspecified` left out.
pub(crate) fn event_kinds() -> impl Iterator<Item = EventKind> {
    (1..=EVENT_KINDS).filter_map(|number| EventKind::try_from(number).ok())
}

/// Returns true if every event of this kind names a product.
pub(crate) fn needs_product(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Impression
            | EventKind::Click
            | EventKind::Application
            | EventKind::Conversion
            | EventKind::HoldingOpened
            | EventKind::HoldingClosed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_the_contract_are_known() {
        assert_eq!(event_kinds().count(), 13);
        assert!(EventKind::try_from(EVENT_KINDS + 1).is_err());
        assert_eq!(event_kind_name(EventKind::HoldingOpened), "holding_opened");
    }
}
