//! Compares messages field by field, in their proto JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::collect::Collector;
use super::json;
use crate::section::Section;

/// The fields that name an element of a list, in the order in which they are looked for.
const NAMES: [&str; 7] = [
    "armId",
    "segmentId",
    "feature",
    "grade",
    "tenorMonths",
    "fromDays",
    "layerId",
];

/// Notes what differs between two lists of objects of a section, which `id` names.
pub(super) fn changed_objects<T: Serialize + PartialEq>(
    section: Section,
    (before, after): (&[T], &[T]),
    id: impl Fn(&T) -> String,
    found: &mut Collector,
) {
    let mut both: BTreeMap<String, (Option<&T>, Option<&T>)> = BTreeMap::new();
    for one in before {
        both.entry(id(one)).or_default().0 = Some(one);
    }
    for one in after {
        both.entry(id(one)).or_default().1 = Some(one);
    }
    for (id, pair) in both {
        match pair {
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => {
                let parts = Parts {
                    section,
                    object: &id,
                };
                parts.compare(String::new(), &json(old), &json(new), found);
            }
            (old, new) => {
                let whole = |one: Option<&T>| one.map(|one| text(&set(&json(one))));
                found.note(section, &id, "", whole(old), whole(new));
            }
        }
    }
}

/// Notes the entries of a map that differ, each as an object.
pub(super) fn changed_map(
    section: Section,
    (before, after): (&BTreeMap<String, String>, &BTreeMap<String, String>),
    found: &mut Collector,
) {
    let keys = before
        .keys()
        .chain(after.keys().filter(|key| !before.contains_key(*key)));
    for key in keys {
        let (old, new) = (before.get(key), after.get(key));
        if old != new {
            found.note(section, key, "", old.cloned(), new.cloned());
        }
    }
}

/// The object whose parts are compared.
#[derive(Clone, Copy)]
pub(super) struct Parts<'o> {
    pub(super) section: Section,
    pub(super) object: &'o str,
}

impl Parts<'_> {
    /// Notes each part that differs, under the path of its fields.
    pub(super) fn compare(self, path: String, old: &Value, new: &Value, found: &mut Collector) {
        if old == new {
            return;
        }
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let added = new.keys().filter(|key| !old.contains_key(*key));
                for key in old.keys().chain(added) {
                    let inner = inside(&path, key);
                    let none = Value::Null;
                    let (old, new) = (old.get(key), new.get(key));
                    self.compare(inner, old.unwrap_or(&none), new.unwrap_or(&none), found);
                }
            }
            (Value::Array(old), Value::Array(new)) if named(old) && named(new) => {
                self.compare_elements(&path, old, new, found);
            }
            _ => {
                let shown = |value: &Value| (!is_unset(value)).then(|| text(&set(value)));
                let (old, new) = (shown(old), shown(new));
                if old != new {
                    found.note(self.section, self.object, &path, old, new);
                }
            }
        }
    }

    /// Compares two lists whose elements have names, element by element.
    fn compare_elements(self, path: &str, old: &[Value], new: &[Value], found: &mut Collector) {
        let with = |elements: &[Value], name: &str| -> Value {
            let found = elements
                .iter()
                .find(|one| name_of(one).as_deref() == Some(name));
            found.cloned().unwrap_or_default()
        };
        let mut names: Vec<String> = Vec::new();
        for name in old.iter().chain(new).filter_map(name_of) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in &names {
            let inner = format!("{path}[{name}]");
            self.compare(inner, &with(old, name), &with(new, name), found);
        }
        let order =
            |elements: &[Value]| -> Vec<String> { elements.iter().filter_map(name_of).collect() };
        let (old, new) = (order(old), order(new));
        let same_names = old.len() == new.len() && old.iter().all(|name| new.contains(name));
        if same_names && old != new {
            let order = |names: Vec<String>| Some(names.join(", "));
            let part = format!("order of {path}");
            found.note(self.section, self.object, &part, order(old), order(new));
        }
    }
}

fn inside(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Returns true if every element has a name of its own.
fn named(elements: &[Value]) -> bool {
    let names: Vec<Option<String>> = elements.iter().map(name_of).collect();
    let own = |(place, name): (usize, &Option<String>)| !names[..place].contains(name);
    names.iter().all(Option::is_some) && names.iter().enumerate().all(own)
}

fn name_of(element: &Value) -> Option<String> {
    let name = NAMES.iter().find_map(|field| element.get(field))?;
    Some(
        name.as_str()
            .map_or_else(|| name.to_string(), str::to_owned),
    )
}

/// Returns true if a value is absent, or empty as an absent one is.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns a value without the fields that hold nothing.
fn set(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(name, value)| (name.clone(), set(value)));
            Value::Object(fields.filter(|(_, value)| !is_unset(value)).collect())
        }
        Value::Array(elements) => Value::Array(elements.iter().map(set).collect()),
        other => other.clone(),
    }
}

/// Returns a value in a line: texts as they are, the rest as JSON.
pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
