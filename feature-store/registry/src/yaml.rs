//! Reading a YAML mapping key by key, with errors that name the place, the key, the value and what
//! is allowed.

use serde_yaml_ng::{Mapping, Value};

use crate::error::{Error, shown};

/// A mapping of the file, with its place in the file.
pub(crate) struct Keys<'a> {
    place: String,
    mapping: &'a Mapping,
}

impl<'a> Keys<'a> {
    /// Takes a mapping; refuses any key that is not in `allowed`.
    pub(crate) fn new(place: String, value: &'a Value, allowed: &[&str]) -> Result<Self, Error> {
        let Some(mapping) = value.as_mapping() else {
            return Err(Error::Definition {
                place,
                key: "entry".into(),
                value: text_of(value),
                allowed: format!("a mapping with the keys {}", allowed.join(", ")),
                line: None,
            });
        };
        let keys = Self { place, mapping };
        for key in mapping.keys() {
            let name = text_of(key);
            if !allowed.contains(&name.as_str()) {
                return Err(keys.error_of("key", name, allowed.join(", ")));
            }
        }
        Ok(keys)
    }

    /// Returns the same keys with another name for their place.
    pub(crate) fn in_place(self, place: String) -> Self {
        Self { place, ..self }
    }

    /// Returns the value of a key, or `None` if it is missing or null.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.mapping.get(key).filter(|value| !value.is_null())
    }

    /// Returns a text; refuses a missing or blank one.
    pub(crate) fn text(&self, key: &str, allowed: &str) -> Result<&'a str, Error> {
        match self.get(key).and_then(Value::as_str) {
            Some(text) if !text.trim().is_empty() => Ok(text),
            _ => Err(self.error(key, allowed)),
        }
    }

    /// Returns a finite number, or `None` if the key is missing.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.as_f64() {
            Some(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.error(key, "a finite number")),
        }
    }

    /// Returns a whole number of the range; refuses a missing one.
    pub(crate) fn integer(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Result<u32, Error> {
        self.get(key)
            .and_then(Value::as_u64)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let allowed = format!("a whole number, {} to {}", range.start(), range.end());
                self.error(key, &allowed)
            })
    }

    /// Returns a list of texts, each read by `take`; refuses an empty one.
    pub(crate) fn list<T>(
        &self,
        key: &str,
        allowed: &str,
        take: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let list = self
            .get(key)
            .and_then(Value::as_sequence)
            .filter(|list| !list.is_empty())
            .ok_or_else(|| self.error(key, &format!("a list of {allowed}")))?;
        list.iter()
            .map(|item| {
                item.as_str()
                    .and_then(&take)
                    .ok_or_else(|| self.error_of(key, text_of(item), allowed.to_owned()))
            })
            .collect()
    }

    /// Returns a text read by `take`; refuses one for which `take` returns `None`.
    pub(crate) fn word<T>(
        &self,
        key: &str,
        allowed: &str,
        take: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        self.get(key)
            .and_then(Value::as_str)
            .and_then(take)
            .ok_or_else(|| self.error(key, allowed))
    }

    /// Refuses keys that have no meaning beside others of this entry.
    pub(crate) fn without(&self, keys: &[&str], because: &str) -> Result<(), Error> {
        match keys.iter().find(|key| self.get(key).is_some()) {
            Some(key) => Err(self.error(key, because)),
            None => Ok(()),
        }
    }

    /// Returns the error for the value of a key.
    pub(crate) fn error(&self, key: &str, allowed: &str) -> Error {
        let value = self.get(key).map(text_of).unwrap_or_default();
        self.error_of(key, value, allowed.to_owned())
    }

    /// Returns the error for a part of the value of a key.
    pub(crate) fn error_of(&self, key: &str, value: impl AsRef<str>, allowed: String) -> Error {
        Error::Definition {
            place: self.place.clone(),
            key: key.to_owned(),
            value: shown(value.as_ref()),
            allowed,
            line: None,
        }
    }
}

/// Returns the value as a person would write it.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_yaml_ng::to_string(other)
            .map(|text| text.trim().replace('\n', " "))
            .unwrap_or_default(),
    }
}
