//! The check at the door: which events may be applied.

use fairlead_domain::{Currency, CustomerId, ProductId, RequestId, TenantId};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value};

use crate::apply::stored_value;
use crate::definition::{ValueType, event_kind_name};
use crate::error::shown;
use crate::purpose::Entity;
use crate::registry::Registry;
use crate::rules::AttributeRule;

/// How far the clock of a phone may run ahead: later events are refused.
pub const FUTURE_TOLERANCE_MS: i64 = 5 * 60_000;
/// The largest amount of one event, either sign, minor units: sums of such amounts stay exact.
pub const MAX_AMOUNT_MINOR: i64 = 1_000_000_000_000;
/// The longest text of an attribute, in characters.
pub const MAX_TEXT_CHARS: usize = 128;
/// How many attributes one event may carry.
pub const MAX_ATTRIBUTES: usize = 64;

const MAX_ID_CHARS: usize = 64;
const MAX_CHANNEL_CHARS: usize = 32;

/// Why an event cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Before the longest window: it could not change anything that is read. Counted, not kept.
    #[error(
        "event_time_ms `{event_time_ms}` is not allowed: at the earliest {earliest_ms}, \
         the beginning of the longest window"
    )]
    TooLate {
        /// The event's time, Unix milliseconds.
        event_time_ms: i64,
        /// What would be taken.
        earliest_ms: i64,
    },
    /// Not an event that can be applied, now or later.
    #[error("{field} `{value}` is not allowed: {allowed}")]
    Refused {
        /// The field of the event.
        field: String,
        /// Its value, cut to 80 characters.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}

impl EventError {
    fn refused(
        field: impl Into<String>,
        value: impl std::fmt::Display,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Refused {
            field: field.into(),
            value: shown(&format!("{value}")),
            allowed: allowed.into(),
        }
    }
}

impl Registry {
    /// Judges an event against the contract and the definitions, at an instant of processing.
    ///
    /// Attributes that no feature reads are taken and not kept ([`Registry::reads_attribute`]).
    /// What tells a lasting fact (an attribute, a consent, a holding) may be as old as it likes;
    /// what was only done must lie within the longest window.
    pub fn check_event(&self, event: &Event, now_ms: i64) -> Result<(), EventError> {
        check_ids(event)?;
        let kind = check_kind(event)?;
        check_product(event, kind)?;
        self.check_amount(event, kind)?;
        self.check_attributes(event, kind)?;
        self.check_time(event, now_ms)
    }

    /// Whether any feature reads this attribute of such events.
    pub fn reads_attribute(&self, kind: EventKind, name: &str) -> bool {
        self.rules(Entity::Customer)
            .attributes
            .get(name)
            .is_some_and(|rule| rule.source == kind)
    }

    fn check_time(&self, event: &Event, now_ms: i64) -> Result<(), EventError> {
        let at = event.event_time_ms;
        let latest = now_ms.saturating_add(FUTURE_TOLERANCE_MS);
        if at <= 0 || at > latest {
            let allowed = format!("1 to {latest}, five minutes from now, Unix milliseconds");
            return Err(EventError::refused("event_time_ms", at, allowed));
        }
        let fact = self
            .rules(Entity::Customer)
            .of_kind(event.kind)
            .is_some_and(|rules| rules.fact);
        let earliest = now_ms.saturating_sub(self.longest_window_ms());
        if !fact && at < earliest {
            return Err(EventError::TooLate {
                event_time_ms: at,
                earliest_ms: earliest,
            });
        }
        Ok(())
    }

    fn check_amount(&self, event: &Event, kind: EventKind) -> Result<(), EventError> {
        let summed = self.summed_currency(kind);
        let Some(amount) = &event.amount else {
            return match summed {
                None => Ok(()),
                Some(currency) => Err(EventError::refused(
                    "amount",
                    "",
                    format!(
                        "an amount in {currency}: {} is summed",
                        event_kind_name(kind)
                    ),
                )),
            };
        };
        if Currency::new(&amount.currency).is_err() {
            let allowed = "an ISO 4217 code such as CNY";
            return Err(EventError::refused(
                "amount.currency",
                &amount.currency,
                allowed,
            ));
        }
        if let Some(currency) = summed.filter(|currency| currency.code() != amount.currency) {
            let allowed = format!("{currency}: sums of different currencies do not exist");
            return Err(EventError::refused(
                "amount.currency",
                &amount.currency,
                allowed,
            ));
        }
        if !(-MAX_AMOUNT_MINOR..=MAX_AMOUNT_MINOR).contains(&amount.minor) {
            let allowed = format!("-{MAX_AMOUNT_MINOR} to {MAX_AMOUNT_MINOR} minor units");
            return Err(EventError::refused("amount.minor", amount.minor, allowed));
        }
        Ok(())
    }

    /// The currency that amounts of such events must have, where they are summed.
    fn summed_currency(&self, kind: EventKind) -> Option<Currency> {
        let rules = self.rules(Entity::Customer);
        let touched = rules.of_kind(kind.into())?;
        touched
            .series
            .iter()
            .find_map(|index| rules.series[*index].sum)
    }

    fn check_attributes(&self, event: &Event, kind: EventKind) -> Result<(), EventError> {
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
        let rules = &self.rules(Entity::Customer).attributes;
        for (name, value) in &event.attributes {
            check_value(name, value)?;
            if let Some(rule) = rules.get(name).filter(|rule| rule.source == kind) {
                check_rule(name, value, rule)?;
            }
        }
        Ok(())
    }
}

fn check_ids(event: &Event) -> Result<(), EventError> {
    let id = &event.event_id;
    if id.is_empty() || id.chars().count() > MAX_ID_CHARS {
        let allowed = format!("1 to {MAX_ID_CHARS} characters");
        return Err(EventError::refused("event_id", id, allowed));
    }
    TenantId::new(&event.tenant).map_err(|error| of_id("tenant", &error))?;
    CustomerId::new(&event.customer_id).map_err(|error| of_id("customer_id", &error))?;
    if !event.product_id.is_empty() {
        ProductId::new(&event.product_id).map_err(|error| of_id("product_id", &error))?;
    }
    if !event.request_id.is_empty() {
        RequestId::new(&event.request_id).map_err(|error| of_id("request_id", &error))?;
    }
    if event.channel.chars().count() > MAX_CHANNEL_CHARS {
        let allowed = format!("at most {MAX_CHANNEL_CHARS} characters");
        return Err(EventError::refused("channel", &event.channel, allowed));
    }
    Ok(())
}

fn of_id(field: &str, error: &fairlead_domain::Error) -> EventError {
    EventError::refused(field, &error.value, error.allowed)
}

fn check_kind(event: &Event) -> Result<EventKind, EventError> {
    match EventKind::try_from(event.kind) {
        Ok(EventKind::Unspecified) | Err(_) => Err(EventError::refused(
            "kind",
            event.kind,
            "a kind of fairlead.event.v1.EventKind, 1 to 13",
        )),
        Ok(kind) => Ok(kind),
    }
}

fn check_product(event: &Event, kind: EventKind) -> Result<(), EventError> {
    if needs_product(kind) && event.product_id.is_empty() {
        let allowed = format!("a product id: {} is about a product", event_kind_name(kind));
        return Err(EventError::refused("product_id", "", allowed));
    }
    if ProductKind::try_from(event.product_kind).is_err() {
        return Err(EventError::refused(
            "product_kind",
            event.product_kind,
            "a kind of fairlead.catalogue.v1.ProductKind, 0 (unknown) to 6",
        ));
    }
    if event.position < 0 {
        let allowed = "0 (unknown) or a place counted from 1";
        return Err(EventError::refused("position", event.position, allowed));
    }
    Ok(())
}

/// Kinds of event that are about a product, always.
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

fn check_value(name: &str, value: &AttributeValue) -> Result<(), EventError> {
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

fn check_rule(name: &str, value: &AttributeValue, rule: &AttributeRule) -> Result<(), EventError> {
    let field = format!("attributes.{name}");
    if stored_value(rule, value).is_none() {
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

fn written(value: &AttributeValue) -> String {
    match &value.value {
        None => String::new(),
        Some(attribute_value::Value::Number(number)) => number.to_string(),
        Some(attribute_value::Value::Text(text)) => text.clone(),
        Some(attribute_value::Value::Flag(flag)) => flag.to_string(),
    }
}
