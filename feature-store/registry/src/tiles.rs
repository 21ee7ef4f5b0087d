//! Vectors of tiles, ascending in their start.

use fairlead_proto::feature::v1::Tile;

use crate::window::TileRange;

/// Adds to the tile with this start. A new tile mostly belongs to the end.
pub(crate) fn add(tiles: &mut Vec<Tile>, start: u32, count: u32, sum: f64) {
    let below = tiles
        .iter()
        .rposition(|tile| tile.start <= start)
        .map_or(0, |index| index + 1);
    if below > 0 && tiles[below - 1].start == start {
        let tile = &mut tiles[below - 1];
        tile.count = tile.count.saturating_add(count);
        tile.sum += sum;
    } else {
        tiles.insert(below, Tile { start, count, sum });
    }
}

/// Returns true if a tile is among the last `keep` up to the newest.
pub(crate) fn kept(start: u32, keep: u32, newest: u32) -> bool {
    start >= newest.saturating_sub(keep.saturating_sub(1))
}

/// Drops the tiles that are not among the last `keep` up to the newest.
pub(crate) fn evict(tiles: &mut Vec<Tile>, keep: u32, newest: u32) {
    let old = tiles
        .iter()
        .take_while(|tile| !kept(tile.start, keep, newest))
        .count();
    tiles.drain(..old);
}

/// The events of some tiles.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Total {
    /// The number of events.
    pub(crate) count: u64,
    /// The sum of their amounts.
    pub(crate) sum: f64,
}

/// Returns count and sum of the tiles in the range.
pub(crate) fn total(tiles: &[Tile], range: TileRange) -> Total {
    tiles
        .iter()
        .rev()
        .take_while(|tile| tile.start > range.after)
        .filter(|tile| tile.start <= range.last)
        .fold(Total::default(), |total, tile| Total {
            count: total.count + u64::from(tile.count),
            sum: total.sum + tile.sum,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stay_ascending_whatever_comes_when() {
        let mut tiles = Vec::new();
        for start in [5, 3, 9, 3, 5, 1] {
            add(&mut tiles, start, 1, 10.0);
        }
        let starts: Vec<_> = tiles.iter().map(|t| (t.start, t.count, t.sum)).collect();
        assert_eq!(
            starts,
            [(1, 1, 10.0), (3, 2, 20.0), (5, 2, 20.0), (9, 1, 10.0)]
        );
        assert_eq!(
            total(&tiles, TileRange { after: 1, last: 5 }),
            Total {
                count: 4,
                sum: 40.0
            }
        );
        evict(&mut tiles, 5, 9);
        assert_eq!(tiles.first().unwrap().start, 5);
    }

    #[test]
    fn counts_stop_at_the_end_of_their_type() {
        let mut tiles = vec![Tile {
            start: 1,
            count: u32::MAX,
            sum: 0.0,
        }];
        add(&mut tiles, 1, 1, 0.0);
        assert_eq!(tiles[0].count, u32::MAX);
    }
}
