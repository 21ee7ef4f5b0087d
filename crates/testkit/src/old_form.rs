//! A release, and firm quotes of it, as they were stored before cost models and guardrails were
//! sections of a release. They must be read for ever.

/// Release 1 of tenant "acme" (`fairlead.control.v1.Release`): the default strategies, and version 2 of
/// "cash-loan" as a challenger, each with its cost and guardrails inside.
pub const RELEASE: &[u8] = include_bytes!("../data/old-form/release-1.bin");

/// Decision records (`fairlead.decision.v1.DecisionRecord`) of firm quotes of that release, by name.
pub const QUOTES: [(&str, &[u8]); 6] = [
    ("arm", include_bytes!("../data/old-form/quote-arm.bin")),
    ("card", include_bytes!("../data/old-form/quote-card.bin")),
    (
        "deposit",
        include_bytes!("../data/old-form/quote-deposit.bin"),
    ),
    ("moved", include_bytes!("../data/old-form/quote-moved.bin")),
    ("plain", include_bytes!("../data/old-form/quote-plain.bin")),
    (
        "standard",
        include_bytes!("../data/old-form/quote-standard.bin"),
    ),
];
