//! The check of an event's attributes, against their limits and against the features that read
//! them.

use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value};

use super::EventError;
use crate::attribute::stored_value;
use crate::definition::ValueType;
use crate::error::shown;
use crate::event_kinds::event_kind_name;
use crate::limits::{MAX_ATTRIBUTES, MAX_ID_CHARS, MAX_TEXT_CHARS};
use crate::rules::{AttributeRule, Rules};

/// Checks all attributes of an event. `rules` are those of the customer.
pub(super) fn check(event: &Event, kind: EventKind, rules: &Rules) -> Result<(), EventError> {
    let count = event.attributes.len();
    if count > MAX_ATTRIBUTES {
        let allowed = format!("at most {MAX_ATTRIBUTES} attributes");
        return Err(EventError::refused("attributes", count, allowed));
    }
    let carries = matches!(kind, EventKind::ProfileUpdated | EventKind::ConsentChanged);
    if carries && count == 0 {
        let allowed = format!("at least one attribute in {}", event_kind_name(kind));
        return Err(EventError::refused("attributes", count, allowed));
    }
    for (name, value) in &event.attributes {
        check_limits(name, value)?;
        let rule = rules.attributes.get(name);
        if let Some(rule) = rule.filter(|rule| rule.source == kind) {
            check_rule(name, value, rule)?;
        }
    }
    Ok(())
}

fn check_limits(name: &str, value: &AttributeValue) -> Result<(), EventError> {
    let field = || format!("attributes.{}", shown(name));
    if name.is_empty() || name.chars().count() > MAX_ID_CHARS {
        let allowed = format!("a name of 1 to {MAX_ID_CHARS} characters");
        return Err(EventError::refused("attributes", name, allowed));
    }
    match &value.value {
        None => Err(EventError::refused(
            field(),
            "",
            "a number, a text or a flag",
        )),
        Some(attribute_value::Value::Number(number)) if !number.is_finite() => {
            Err(EventError::refused(field(), number, "a finite number"))
        }
        Some(attribute_value::Value::Text(text)) if text.chars().count() > MAX_TEXT_CHARS => {
            let allowed = format!("at most {MAX_TEXT_CHARS} characters");
            Err(EventError::refused(field(), text, allowed))
        }
        Some(_) => Ok(()),
    }
}

/// Checks the type and the range of an attribute that a feature reads.
fn check_rule(name: &str, value: &AttributeValue, rule: &AttributeRule) -> Result<(), EventError> {
    let field = format!("attributes.{name}");
    if stored_value(rule.value, value).is_none() {
        let allowed = match rule.value {
            ValueType::Number => "a number",
            ValueType::Category => "a text",
            ValueType::Flag => "a flag",
        };
        return Err(EventError::refused(field, written(value), allowed));
    }
    match (rule.range, &value.value) {
        (Some((low, high)), Some(attribute_value::Value::Number(number)))
            if !(low..=high).contains(number) =>
        {
            let allowed = format!("{low} to {high}");
            Err(EventError::refused(field, number, allowed))
        }
        _ => Ok(()),
    }
}

/// Returns the value as a person would write it.
pub(crate) fn written(value: &AttributeValue) -> String {
    match &value.value {
        None => String::new(),
        Some(attribute_value::Value::Number(number)) => number.to_string(),
        Some(attribute_value::Value::Text(text)) => text.clone(),
        Some(attribute_value::Value::Flag(flag)) => flag.to_string(),
    }
}
