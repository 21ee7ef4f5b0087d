//! The refusals of events.

use std::fmt::Display;

use fairlead_domain::{Origin, Origins};

use crate::error::shown;

/// The reason why an event cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Before the longest window: it could not change any value. Such events are counted and
    /// dropped.
    #[error(
        "event_time_ms `{event_time_ms}` is not allowed: at the earliest {earliest_ms}, \
         the beginning of the longest window"
    )]
    TooLate {
        /// The event's time, Unix milliseconds.
        event_time_ms: i64,
        /// The earliest time allowed, Unix milliseconds.
        earliest_ms: i64,
    },
    /// A fact that the origin of the event may not state.
    #[error("{field} `{value}` may not be stated by {origin}: by {allowed}")]
    Unauthorised {
        /// The field of the event.
        field: String,
        /// Its value, cut to 80 characters.
        value: String,
        /// The origin of the event.
        origin: Origin,
        /// The origins that may state it.
        allowed: Origins,
    },
    /// Not an event that can be applied, now or later.
    #[error("{field} `{value}` is not allowed: {allowed}")]
    Refused {
        /// The field of the event.
        field: String,
        /// Its value, cut to 80 characters.
        value: String,
        /// The allowed values.
        allowed: String,
    },
}

impl EventError {
    pub(super) fn refused(
        field: impl Into<String>,
        value: impl Display,
        allowed: impl Into<String>,
    ) -> Self {
        Self::Refused {
            field: field.into(),
            value: shown(&format!("{value}")),
            allowed: allowed.into(),
        }
    }
}
