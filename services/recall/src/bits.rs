//! A set of products as bits, by their numbers in the assortment.

/// A set of products of one assortment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    length: u32,
}

impl Bits {
    /// Makes an empty set for `length` products.
    pub(crate) fn none(length: u32) -> Self {
        Self {
            words: vec![0; (length as usize).div_ceil(64)],
            length,
        }
    }

    /// Adds `product`; ignores a number outside the assortment.
    pub(crate) fn insert(&mut self, product: u32) {
        if product < self.length {
            self.words[product as usize / 64] |= 1 << (product % 64);
        }
    }

    /// Returns true if `product` is in the set.
    pub(crate) fn contains(&self, product: u32) -> bool {
        product < self.length && self.words[product as usize / 64] >> (product % 64) & 1 == 1
    }

    /// Returns the products in the set, ascending.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0_u32..).flat_map(|(&word, at)| {
            std::iter::successors(Some(word), |&rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| at * 64 + rest.trailing_zeros())
        })
    }
}

impl FromIterator<u32> for Bits {
    /// Makes a set just long enough for its largest member.
    fn from_iter<I: IntoIterator<Item = u32>>(products: I) -> Self {
        let products: Vec<u32> = products.into_iter().collect();
        let mut set = Self::none(products.iter().max().map_or(0, |&largest| largest + 1));
        for product in products {
            set.insert(product);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_an_ordinary_set(
            length in 1_u32..200,
            products in proptest::collection::vec(0_u32..220, 0..80),
        ) {
            let mut set = Bits::none(length);
            let mut plain = BTreeSet::new();
            for product in products {
                set.insert(product);
                if product < length {
                    plain.insert(product);
                }
            }
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
            for product in 0..220 {
                prop_assert_eq!(set.contains(product), plain.contains(&product));
            }
        }
    }
}
