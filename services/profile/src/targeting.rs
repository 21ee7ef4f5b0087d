//! The attributes that experiments may target: what the purpose analytics gets, by feature name.

use std::collections::BTreeMap;

use fairlead_proto::profile::v1::TargetValue;
use fairlead_proto::profile::v1::target_value::Value;
use fairlead_registry::FeatureReader;

/// `true` if any event of the customer was ever observed.
const KNOWN: &str = "known";

/// Returns every number and category that was observed, and the flag `known`. What was not observed
/// is not there: an expression can tell (`has(profile.age_years)`).
pub(crate) fn targeting(
    analytics: &FeatureReader<'_>,
    known: bool,
) -> BTreeMap<String, TargetValue> {
    let layout = analytics.layout();
    let numbers = layout.number_names().enumerate().filter_map(|(at, name)| {
        let number = analytics.number_at(at)?;
        Some((name, Value::Number(number)))
    });
    let categories = layout.category_names().filter_map(|name| {
        let text = analytics.category(name)?;
        Some((name, Value::Text(text.to_owned())))
    });
    numbers
        .chain(categories)
        .chain([(KNOWN, Value::Flag(known))])
        .map(|(name, value)| (name.to_owned(), TargetValue { value: Some(value) }))
        .collect()
}
