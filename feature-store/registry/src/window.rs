//! Windows, and the tiles that they are made of.

use std::fmt;

use crate::limits::FUTURE_TOLERANCE_MS;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The length of a tile: events are counted by minute, hour or day of event time (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tile {
    /// For windows up to two hours.
    Minute,
    /// For windows up to two days.
    Hour,
    /// For longer windows.
    Day,
}

impl Tile {
    /// All lengths, shortest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// Returns the length in milliseconds.
    pub const fn length_ms(self) -> i64 {
        match self {
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
        }
    }

    /// Returns the number of the tile that an instant falls into, counted from the Unix epoch.
    /// Earlier instants fall into the first tile, instants beyond the last number into the last.
    pub(crate) fn number_at(self, instant_ms: i64) -> u32 {
        let number = instant_ms.max(0) / self.length_ms();
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Returns the number of tiles that the clock of a phone may run ahead by
    /// ([`FUTURE_TOLERANCE_MS`]): that many more are kept.
    pub(crate) const fn slack(self) -> u32 {
        let length = self.length_ms();
        ((FUTURE_TOLERANCE_MS + length - 1) / length) as u32
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// A window: a number of tiles back from an instant, the running tile included. A window of an
/// hour read at 10:17:30 holds 09:18:00 to 10:17:30.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The length of its tiles.
    pub tile: Tile,
    /// The number of its tiles.
    pub tiles: u32,
}

/// The texts that [`Window::parse`] takes.
pub(crate) const WINDOWS_ALLOWED: &str = "a whole number with m, h or d (90m, 24h, 7d), 1m to 90d: up to 2h in minutes, \
     up to 2d in whole hours, beyond that in whole days";

impl Window {
    /// Reads `30m`, `1h`, `7d`. Returns `None` for a text that is no window or not a multiple of
    /// its tile.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last()?;
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        let unit_ms = match unit {
            'm' => MINUTE_MS,
            'h' => HOUR_MS,
            'd' => DAY_MS,
            _ => return None,
        };
        let length = i64::from(number) * unit_ms;
        let tile = match length {
            MINUTE_MS..=7_200_000 => Tile::Minute,
            7_200_001..=172_800_000 => Tile::Hour,
            172_800_001..=7_776_000_000 => Tile::Day,
            _ => return None,
        };
        (length % tile.length_ms() == 0).then_some(Self {
            tile,
            tiles: u32::try_from(length / tile.length_ms()).ok()?,
        })
    }

    /// Returns the length in milliseconds.
    pub const fn length_ms(self) -> i64 {
        self.tile.length_ms() * self.tiles as i64
    }

    /// Returns the tiles that the window holds at an instant.
    pub(crate) fn tiles_at(self, as_of_ms: i64) -> TileRange {
        let last = self.tile.number_at(as_of_ms);
        TileRange {
            after: last.saturating_sub(self.tiles),
            last,
        }
    }
}

/// A range of tile numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TileRange {
    /// The last number before the range.
    pub(crate) after: u32,
    /// The last number in the range.
    pub(crate) last: u32,
}

impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.length_ms();
        if length % DAY_MS == 0 {
            write!(out, "{}d", length / DAY_MS)
        } else if length % HOUR_MS == 0 {
            write!(out, "{}h", length / HOUR_MS)
        } else {
            write!(out, "{}m", length / MINUTE_MS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_pick_their_tile() {
        for (text, tile, tiles) in [
            ("1h", Tile::Minute, 60),
            ("90m", Tile::Minute, 90),
            ("1d", Tile::Hour, 24),
            ("36h", Tile::Hour, 36),
            ("7d", Tile::Day, 7),
            ("30d", Tile::Day, 30),
        ] {
            let window = Window::parse(text).unwrap();
            assert_eq!((window.tile, window.tiles), (tile, tiles), "{text}");
        }
    }

    #[test]
    fn windows_that_do_not_fit_tiles_are_refused() {
        for text in [
            "", "h", "0h", "-1h", "1w", "150m", "50h", "91d", "1.5h", "1h ", "日",
        ] {
            assert_eq!(Window::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_window_ends_with_the_running_tile() {
        let hour = Window::parse("1h").unwrap();
        let at = |after, last| TileRange { after, last };
        assert_eq!(hour.tiles_at(100 * MINUTE_MS + 1), at(40, 100));
        assert_eq!(hour.tiles_at(0), at(0, 0));
        assert_eq!(hour.to_string(), "1h");
        assert_eq!(Window::parse("24h").unwrap().to_string(), "1d");
    }
}
