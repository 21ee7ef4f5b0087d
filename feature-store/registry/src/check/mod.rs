//! The check of an event: [`Registry::check_event`] says whether it may be applied.

mod attributes;
mod error;

use fairlead_domain::{Currency, CustomerId, ProductId, RequestId, TenantId};
use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::event::v1::{Event, EventKind};

pub(crate) use self::attributes::written;
pub use self::error::EventError;
use crate::event_kinds::{event_kind_name, needs_product};
use crate::limits::{
    EARLIEST_EVENT_MS, FUTURE_TOLERANCE_MS, MAX_AMOUNT_MINOR, MAX_CHANNEL_CHARS, MAX_ID_CHARS,
};
use crate::purpose::Entity;
use crate::registry::Registry;

impl Registry {
    /// Checks an event against the contract and the definitions, at an instant of processing.
    ///
    /// Attributes that no feature reads are accepted and not stored
    /// ([`Registry::reads_attribute`]). An event that states a lasting fact (an attribute, a
    /// consent, a holding) may be of any age after 1971; any other must lie within the longest
    /// window.
    ///
    /// # Errors
    /// [`EventError`] names the field, its value and what is allowed.
    pub fn check_event(&self, event: &Event, now_ms: i64) -> Result<(), EventError> {
        check_ids(event)?;
        let kind = check_kind(event)?;
        check_product(event, kind)?;
        self.check_amount(event, kind)?;
        attributes::check(event, kind, self.rules(Entity::Customer))?;
        self.check_time(event, now_ms)
    }

    /// Returns true if a feature reads this attribute from events of this kind.
    pub fn reads_attribute(&self, kind: EventKind, name: &str) -> bool {
        self.rules(Entity::Customer)
            .attributes
            .get(name)
            .is_some_and(|rule| rule.source == kind)
    }

    fn check_time(&self, event: &Event, now_ms: i64) -> Result<(), EventError> {
        let at = event.event_time_ms;
        let latest = now_ms.saturating_add(FUTURE_TOLERANCE_MS);
        if at < EARLIEST_EVENT_MS || at > latest {
            let allowed = format!(
                "{EARLIEST_EVENT_MS}, the year 1971, to {latest}, five minutes from now, Unix \
                 milliseconds"
            );
            return Err(EventError::refused("event_time_ms", at, allowed));
        }
        let fact = self
            .rules(Entity::Customer)
            .for_kind(event.kind)
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

    /// Returns the currency that amounts of such events must have, or `None` if no feature sums
    /// them.
    fn summed_currency(&self, kind: EventKind) -> Option<Currency> {
        let rules = self.rules(Entity::Customer);
        let touched = rules.for_kind(kind.into())?;
        touched
            .series
            .iter()
            .find_map(|index| rules.series[*index].sum)
    }
}

fn check_ids(event: &Event) -> Result<(), EventError> {
    let id = &event.event_id;
    if id.is_empty() || id.chars().count() > MAX_ID_CHARS {
        let allowed = format!("1 to {MAX_ID_CHARS} characters");
        return Err(EventError::refused("event_id", id, allowed));
    }
    TenantId::new(&event.tenant).map_err(|error| id_error("tenant", &error))?;
    CustomerId::new(&event.customer_id).map_err(|error| id_error("customer_id", &error))?;
    if !event.product_id.is_empty() {
        ProductId::new(&event.product_id).map_err(|error| id_error("product_id", &error))?;
    }
    if !event.request_id.is_empty() {
        RequestId::new(&event.request_id).map_err(|error| id_error("request_id", &error))?;
    }
    if event.channel.chars().count() > MAX_CHANNEL_CHARS {
        let allowed = format!("at most {MAX_CHANNEL_CHARS} characters");
        return Err(EventError::refused("channel", &event.channel, allowed));
    }
    Ok(())
}

fn id_error(field: &str, error: &fairlead_domain::Error) -> EventError {
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
