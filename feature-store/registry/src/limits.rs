//! The limits of an event. The check of events and the windows rest on them.

/// The time that the clock of a phone may run ahead, milliseconds. Later events are refused.
pub const FUTURE_TOLERANCE_MS: i64 = 5 * 60_000;
/// 1971-01-01, Unix milliseconds: the earliest time of an event. A time of this century in
/// seconds, read as milliseconds, is earlier.
pub const EARLIEST_EVENT_MS: i64 = 365 * 86_400_000;
/// The largest amount of one event, either sign, minor units. Sums of such amounts stay exact.
pub const MAX_AMOUNT_MINOR: i64 = 1_000_000_000_000;
/// The longest text of an attribute, in characters.
pub const MAX_TEXT_CHARS: usize = 128;
/// The most attributes that one event may carry.
pub const MAX_ATTRIBUTES: usize = 64;
/// The longest event id and the longest name of an attribute, in characters.
pub(crate) const MAX_ID_CHARS: usize = 64;
/// The longest channel, in characters.
pub(crate) const MAX_CHANNEL_CHARS: usize = 32;
