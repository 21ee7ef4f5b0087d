//! Vectors of tiles, ascending in start.

use fairlead_proto::feature::v1::Tile;

/// Adds to the tile with this start. What is new mostly belongs to the end.
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

/// Whether a tile is among the last `keep` up to the newest.
pub(crate) fn kept(start: u32, keep: u32, newest: u32) -> bool {
    start >= newest.saturating_sub(keep.saturating_sub(1))
}

/// Drops what is not among the last `keep` up to the newest.
pub(crate) fn evict(tiles: &mut Vec<Tile>, keep: u32, newest: u32) {
    let old = tiles
        .iter()
        .take_while(|tile| !kept(tile.start, keep, newest))
        .count();
    tiles.drain(..old);
}

/// Count and sum of the tiles above `low`, up to `high`.
pub(crate) fn total(tiles: &[Tile], (low, high): (u32, u32)) -> (u64, f64) {
    tiles
        .iter()
        .rev()
        .take_while(|tile| tile.start > low)
        .filter(|tile| tile.start <= high)
        .fold((0, 0.0), |(count, sum), tile| {
            (count + u64::from(tile.count), sum + tile.sum)
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
        assert_eq!(total(&tiles, (1, 5)), (4, 40.0));
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
