//! Which rows a search may return.

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
    /// A filter over `rows` rows that lets none through.
    pub fn nothing(rows: u32) -> Self {
        Self {
            bits: vec![0; (rows as usize).div_ceil(8)],
            rows,
            allowed: 0,
        }
    }

    /// A filter over `rows` rows that lets all through.
    pub fn everything(rows: u32) -> Self {
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

    /// The filter that lets through the rows for which `allow` is true.
    pub fn from_fn(rows: u32, mut allow: impl FnMut(u32) -> bool) -> Self {
        let mut filter = Self::nothing(rows);
        for row in (0..rows).filter(|&row| allow(row)) {
            filter.bits[row as usize / 8] |= 1 << (row % 8);
            filter.allowed += 1;
        }
        filter
    }

    /// Lets `row` through. An error when the filter has no such row.
    pub fn allow(&mut self, row: u32) -> Result<(), Error> {
        let (byte, bit) = self.place(row)?;
        if self.bits[byte] & bit == 0 {
            self.bits[byte] |= bit;
            self.allowed += 1;
        }
        Ok(())
    }

    /// Keeps `row` out. An error when the filter has no such row.
    pub fn deny(&mut self, row: u32) -> Result<(), Error> {
        let (byte, bit) = self.place(row)?;
        if self.bits[byte] & bit != 0 {
            self.bits[byte] &= !bit;
            self.allowed -= 1;
        }
        Ok(())
    }

    /// Whether `row` may be returned; false for rows that the filter does not have.
    pub fn allows(&self, row: u32) -> bool {
        self.place(row)
            .is_ok_and(|(byte, bit)| self.bits[byte] & bit != 0)
    }

    /// How many rows the filter covers: the index' number of rows.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// How many of them it lets through.
    pub fn allowed(&self) -> u32 {
        self.allowed
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bits
    }

    /// The rows let through, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.bits.iter().zip(0u32..).flat_map(|(&byte, at)| {
            std::iter::successors(Some(byte), |&rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| at * 8 + rest.trailing_zeros())
        })
    }

    fn place(&self, row: u32) -> Result<(usize, u8), Error> {
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
            let mut allowed = Filter::nothing(rows);
            let mut denied = Filter::everything(rows);
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
        let mut filter = Filter::everything(9);
        assert!(!filter.allows(9));
        let message = filter.allow(9).unwrap_err().to_string();
        assert_eq!(message, "row 9 is outside the filter's 9 rows");
        assert!(filter.deny(u32::MAX).is_err());
        assert_eq!(filter.allowed(), 9);
    }
}
