//! Reads a cell as what its column wants. There is one rule for each kind of value, whatever the
//! format of the file.

mod number;
mod text;
mod time;

use jiff::tz::TimeZone;

pub(crate) use number::{flag, integer, number};
pub(crate) use text::{free_text, id};
pub(crate) use time::{TimeColumn, day, instant};

pub use time::TimeUnit;

/// How values of one file are read.
#[derive(Debug, Clone, Default)]
pub(crate) struct ValueRules {
    /// True if texts write decimals with a comma.
    pub(crate) decimal_comma: bool,
    /// The zone of times that name none.
    pub(crate) zone: Option<TimeZone>,
    /// The unit of times that are numbers.
    pub(crate) unit: Option<TimeUnit>,
    /// The instant of the import, Unix milliseconds: nobody is born later.
    pub(crate) now_ms: i64,
}
