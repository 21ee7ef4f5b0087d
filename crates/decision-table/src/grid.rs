//! The elementary intervals of a column: between two neighbouring ends of cells, every value
//! matches the same rows.

use crate::set::Set;

/// Bits of a word.
const WORD: usize = 64;

/// How many words hold `count` bits.
pub(crate) const fn words_for(count: usize) -> usize {
    count.div_ceil(WORD)
}

/// The positions of the set bits, ascending.
pub(crate) fn ones(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(word, bits)| {
        let mut rest = *bits;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(word * WORD + bit)
        })
    })
}

/// A column cut at every end of every cell, with the rows that each piece matches.
#[derive(Debug)]
pub(crate) struct Grid {
    /// Where each piece starts; it ends before the next one.
    starts: Vec<i64>,
    max: i64,
    /// `words` per piece: bit `r` is set where row `r` accepts the piece.
    bits: Vec<u64>,
    words: usize,
}

impl Grid {
    /// Cuts `min..=max` at the ends of the rows' cells.
    pub(crate) fn new(cells: &[&Set], (min, max): (i64, i64)) -> Self {
        // Each row switches on where an interval starts, and off behind its end.
        let mut switches: Vec<(i64, usize)> = Vec::new();
        for (row, cell) in cells.iter().enumerate() {
            for (start, end) in cell.intervals() {
                switches.push((*start, row));
                switches.push((end + 1, row));
            }
        }
        switches.sort_unstable();
        let words = words_for(cells.len());
        let mut grid = Self {
            starts: vec![min],
            max,
            bits: vec![0; words],
            words,
        };
        for (at, row) in switches {
            if at > max {
                break;
            }
            if grid.starts.last() != Some(&at) {
                grid.starts.push(at);
                grid.bits.extend_from_within(grid.bits.len() - words..);
            }
            let last = grid.bits.len() - words;
            grid.bits[last + row / WORD] ^= 1 << (row % WORD);
        }
        grid
    }

    /// How many words a grid over `cells` takes, without building it.
    pub(crate) fn size(cells: &[&Set]) -> usize {
        let mut ends: Vec<i64> = cells
            .iter()
            .flat_map(|cell| cell.intervals())
            .flat_map(|(start, end)| [*start, end + 1])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        (ends.len() + 1) * words_for(cells.len())
    }

    /// The rows that accept `position`, which must lie in the domain.
    pub(crate) fn rows_at(&self, position: i64) -> &[u64] {
        let piece = self
            .starts
            .partition_point(|start| *start <= position)
            .saturating_sub(1);
        &self.bits[piece * self.words..(piece + 1) * self.words]
    }

    /// Every piece: its first value, its last, and the rows that accept it.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (i64, i64, &[u64])> {
        (0..self.starts.len()).map(|piece| {
            let end = self.starts.get(piece + 1).map_or(self.max, |next| next - 1);
            let rows = &self.bits[piece * self.words..(piece + 1) * self.words];
            (self.starts[piece], end, rows)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_piece_matches_the_rows_whose_cells_hold_it(
            cells in prop::collection::vec(
                prop::collection::vec((0_i64..30, 0_i64..10), 1..4), 0..130
            )
        ) {
            let cells: Vec<Set> = cells
                .into_iter()
                .map(|intervals| {
                    Set::union(intervals.into_iter().map(|(start, size)| (start, (start + size).min(30))))
                })
                .collect();
            let cells: Vec<&Set> = cells.iter().collect();
            let grid = Grid::new(&cells, (0, 30));
            prop_assert!(grid.bits.len() <= Grid::size(&cells));
            for position in 0..=30 {
                let expected: Vec<usize> =
                    (0..cells.len()).filter(|row| cells[*row].contains(position)).collect();
                prop_assert_eq!(ones(grid.rows_at(position)).collect::<Vec<_>>(), expected);
            }
            let mut next = 0;
            for (start, end, _) in grid.pieces() {
                prop_assert_eq!(start, next);
                next = end + 1;
            }
            prop_assert_eq!(next, 31);
        }
    }
}
