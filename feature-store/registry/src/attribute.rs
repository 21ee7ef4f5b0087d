//! Stored attributes: which value is stored, and which of two values stays.

use std::cmp::Ordering;

use fairlead_proto::event::v1::{AttributeValue, attribute_value};
use fairlead_proto::feature::v1::{EntityState, StoredAttribute, stored_attribute};

use crate::definition::ValueType;

/// Returns the value as it is stored, or `None` if it is not of the attribute's type.
pub(crate) fn stored_value(
    value_type: ValueType,
    value: &AttributeValue,
) -> Option<stored_attribute::Value> {
    use stored_attribute::Value as Stored;
    match (value_type, value.value.as_ref()?) {
        (ValueType::Number, attribute_value::Value::Number(number)) if number.is_finite() => {
            Some(Stored::Number(*number))
        }
        (ValueType::Category, attribute_value::Value::Text(text)) => {
            Some(Stored::Text(text.clone()))
        }
        (ValueType::Flag, attribute_value::Value::Flag(flag)) => Some(Stored::Flag(*flag)),
        _ => None,
    }
}

/// Sets an attribute unless a newer value is stored. Returns true if it was set.
pub(crate) fn set(
    state: &mut EntityState,
    key: &str,
    event_time_ms: i64,
    value: stored_attribute::Value,
) -> bool {
    let new = StoredAttribute {
        event_time_ms,
        value: Some(value),
    };
    match state.attributes.get_mut(key) {
        None => {
            state.attributes.insert(key.to_owned(), new);
            true
        }
        Some(old) if newer(&new, old) => {
            *old = new;
            true
        }
        Some(_) => false,
    }
}

/// Returns true if `one` replaces `other`: the later in event time; in the same millisecond the
/// greater value, so that the order of arrival decides nothing.
pub(crate) fn newer(one: &StoredAttribute, other: &StoredAttribute) -> bool {
    use stored_attribute::Value;
    let rank = |value: &Option<Value>| match value {
        None => 0,
        Some(Value::Flag(_)) => 1,
        Some(Value::Number(_)) => 2,
        Some(Value::Text(_)) => 3,
    };
    let by_value = match (&one.value, &other.value) {
        (Some(Value::Flag(a)), Some(Value::Flag(b))) => a.cmp(b),
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.total_cmp(b),
        (Some(Value::Text(a)), Some(Value::Text(b))) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)),
    };
    one.event_time_ms.cmp(&other.event_time_ms).then(by_value) == Ordering::Greater
}
