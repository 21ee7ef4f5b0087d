//! The elementary intervals of a column: between two neighbouring ends of cells, every value
//! matches the same rows.

use crate::set::{Interval, Set};

/// The number of bits of a word.
const WORD: usize = 64;

/// Returns the number of words that hold `count` bits.
pub(crate) const fn words_for(count: usize) -> usize {
    count.div_ceil(WORD)
}

/// Returns the positions of the set bits, ascending.
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

/// A column cut at every end of every cell, with the rows that match each elementary interval.
#[derive(Debug)]
pub(crate) struct Grid {
    /// The start of each elementary interval, which ends before the next one.
    starts: Vec<i64>,
    max: i64,
    /// `words` per elementary interval: bit `r` is set if row `r` accepts it.
    bits: Vec<u64>,
    words: usize,
}

impl Grid {
    /// Cuts the bounds of a column at the ends of the rows' cells.
    pub(crate) fn new(cells: &[&Set], bounds: Interval) -> Self {
        // The bit of a row flips where an interval starts, and again behind its end.
        let mut flips: Vec<(i64, usize)> = Vec::new();
        for (row, cell) in cells.iter().enumerate() {
            for interval in cell.intervals() {
                flips.push((interval.start, row));
                flips.push((interval.end + 1, row));
            }
        }
        flips.sort_unstable();
        let words = words_for(cells.len());
        let mut grid = Self {
            starts: vec![bounds.start],
            max: bounds.end,
            bits: vec![0; words],
            words,
        };
        for (at, row) in flips {
            if at > bounds.end {
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

    /// Returns the number of words that a grid over `cells` takes, without building it.
    pub(crate) fn size(cells: &[&Set]) -> usize {
        let mut ends: Vec<i64> = cells
            .iter()
            .flat_map(|cell| cell.intervals())
            .flat_map(|interval| [interval.start, interval.end + 1])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        (ends.len() + 1) * words_for(cells.len())
    }

    /// Returns the rows that accept `position`, which must lie in the domain.
    pub(crate) fn rows_at(&self, position: i64) -> &[u64] {
        let index = self
            .starts
            .partition_point(|start| *start <= position)
            .saturating_sub(1);
        self.rows(index)
    }

    /// Returns every elementary interval with the rows that accept it, ascending.
    pub(crate) fn elementary(&self) -> impl Iterator<Item = (Interval, &[u64])> {
        (0..self.starts.len()).map(|index| {
            let start = self.starts[index];
            let end = self.starts.get(index + 1).map_or(self.max, |next| next - 1);
            (Interval { start, end }, self.rows(index))
        })
    }

    /// Returns the rows that accept an elementary interval, by its index.
    fn rows(&self, index: usize) -> &[u64] {
        &self.bits[index * self.words..(index + 1) * self.words]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_elementary_interval_matches_the_rows_whose_cells_hold_it(
            cells in prop::collection::vec(
                prop::collection::vec((0_i64..30, 0_i64..10), 1..4), 0..130
            )
        ) {
            let cells: Vec<Set> = cells
                .into_iter()
                .map(|intervals| {
                    Set::union(intervals.into_iter().map(|(start, size)| Interval {
                        start,
                        end: (start + size).min(30),
                    }))
                })
                .collect();
            let cells: Vec<&Set> = cells.iter().collect();
            let grid = Grid::new(&cells, Interval { start: 0, end: 30 });
            prop_assert!(grid.bits.len() <= Grid::size(&cells));
            for position in 0..=30 {
                let expected: Vec<usize> =
                    (0..cells.len()).filter(|row| cells[*row].contains(position)).collect();
                prop_assert_eq!(ones(grid.rows_at(position)).collect::<Vec<_>>(), expected);
            }
            let mut next = 0;
            for (interval, _) in grid.elementary() {
                prop_assert_eq!(interval.start, next);
                next = interval.end + 1;
            }
            prop_assert_eq!(next, 31);
        }
    }
}
