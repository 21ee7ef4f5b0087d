//! Filters: the rows that a search may return.

use crate::error::Error;

/// A set of rows of one index: one bit per row. A search given a filter returns only rows in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Bit `row % 8` of byte `row / 8`, least significant first: the layout that FAISS reads.
    bits: Vec<u8>,
    rows: u32,
    allowed: u32,
}

impl Filter {
    /// Makes a filter over `rows` rows that allows none.
    pub fn none(rows: u32) -> Self {
        Self {
            bits: vec![0; (rows as usize).div_ceil(8)],
            rows,
            allowed: 0,
        }
    }

    /// Makes a filter over `rows` rows that allows all.
    pub fn all(rows: u32) -> Self {
        let mut bits = vec![0xff; (rows as usize).div_ceil(8)];
        // Bits past the last row stay clear, so that equal filters are equal byte by byte.
        if let Some(last) = bits.last_mut()
            && !rows.is_multiple_of(8)
        {
            *last = (1u8 << (rows % 8)) - 1;
        }
        Self {
            bits,
            rows,
            allowed: rows,
        }
    }

    /// Makes the filter that allows the rows for which `allow` returns `true`.
    pub fn from_fn(rows: u32, mut allow: impl FnMut(u32) -> bool) -> Self {
        let mut filter = Self::none(rows);
        for row in (0..rows).filter(|&row| allow(row)) {
            filter.bits[row as usize / 8] |= 1 << (row % 8);
            filter.allowed += 1;
        }
        filter
    }

    /// Allows `row`.
    ///
    /// # Errors
    /// Returns [`Error::FilterRow`] if the filter has no such row.
    pub fn allow(&mut self, row: u32) -> Result<(), Error> {
        let (byte, bit) = self.bit_of(row)?;
        if self.bits[byte] & bit == 0 {
            self.bits[byte] |= bit;
            self.allowed += 1;
        }
        Ok(())
    }

    /// Denies `row`.
    ///
    /// # Errors
    /// Returns [`Error::FilterRow`] if the filter has no such row.
    pub fn deny(&mut self, row: u32) -> Result<(), Error> {
        let (byte, bit) = self.bit_of(row)?;
        if self.bits[byte] & bit != 0 {
            self.bits[byte] &= !bit;
            self.allowed -= 1;
        }
        Ok(())
    }

    /// Returns `true` if `row` may be returned, `false` for rows that the filter does not have.
    pub fn allows(&self, row: u32) -> bool {
        self.bit_of(row)
            .is_ok_and(|(byte, bit)| self.bits[byte] & bit != 0)
    }

    /// Returns the number of rows that the filter covers: the index' number of rows.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Returns the number of rows that it allows.
    pub fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Returns the bits in the layout that FAISS reads.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Returns the rows that it allows, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.bits.iter().zip(0u32..).flat_map(|(&byte, at)| {
            std::iter::successors(Some(byte), |&rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| at * 8 + rest.trailing_zeros())
        })
    }

    /// Returns the byte index and the mask of a row's bit.
    fn bit_of(&self, row: u32) -> Result<(usize, u8), Error> {
        if row >= self.rows {
            return Err(Error::FilterRow {
                row,
                rows: self.rows,
            });
        }
        Ok((row as usize / 8, 1 << (row % 8)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_list_of_booleans(
            wanted in proptest::collection::vec(any::<bool>(), 0..70)
        ) {
            let rows = wanted.len() as u32;
            let from_fn = Filter::from_fn(rows, |row| wanted[row as usize]);
            let mut allowed = Filter::none(rows);
            let mut denied = Filter::all(rows);
            for (row, &want) in (0..rows).zip(&wanted) {
                if want { allowed.allow(row) } else { denied.deny(row) }?;
            }
            prop_assert_eq!(&allowed, &from_fn);
            prop_assert_eq!(&denied, &from_fn);
            let expected: Vec<u32> = (0..rows).filter(|&row| wanted[row as usize]).collect();
            prop_assert_eq!(from_fn.allowed() as usize, expected.len());
            prop_assert_eq!(from_fn.iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_row_outside_is_an_error_and_never_allowed() {
        let mut filter = Filter::all(9);
        assert!(!filter.allows(9));
        let message = filter.allow(9).unwrap_err().to_string();
        assert_eq!(message, "row 9 is outside the filter's 9 rows");
        assert!(filter.deny(u32::MAX).is_err());
        assert_eq!(filter.allowed(), 9);
    }
}
