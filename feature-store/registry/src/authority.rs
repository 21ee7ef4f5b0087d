//! Authority over facts: who may state an event, judged by its origin.

use fairlead_domain::{Origin, Origins};
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value};

use crate::check::{EventError, written};
use crate::error::shown;
use crate::event_kinds::event_kind_name;
use crate::purpose::Entity;
use crate::registry::Registry;

impl Registry {
    /// Checks that an origin may state an event: its kind, and each attribute that a feature reads,
    /// whichever the kind of the event that carries it.
    ///
    /// # Errors
    /// [`EventError::Unauthorised`] names the field, its value and who may state it.
    pub fn check_authority(&self, event: &Event, origin: Origin) -> Result<(), EventError> {
        let refused = |field: String, value: &str, allowed: Origins| EventError::Unauthorised {
            field,
            value: shown(value),
            origin,
            allowed,
        };
        let by_kind = self.stated_by(event.kind);
        if !by_kind.contains(origin) {
            let named = EventKind::try_from(event.kind).map(event_kind_name);
            let named = named.unwrap_or_else(|_| event.kind.to_string());
            return Err(refused("kind".to_owned(), &named, by_kind));
        }
        let rules = &self.rules(Entity::Customer).attributes;
        for (name, value) in &event.attributes {
            let Some(rule) = rules.get(name) else {
                continue;
            };
            let allowed = rule.statement.allowed(is_withdrawal(value));
            if !allowed.contains(origin) {
                return Err(refused(
                    format!("attributes.{name}"),
                    &written(value),
                    allowed,
                ));
            }
        }
        Ok(())
    }
}

fn is_withdrawal(value: &AttributeValue) -> bool {
    matches!(value.value, Some(attribute_value::Value::Flag(false)))
}
