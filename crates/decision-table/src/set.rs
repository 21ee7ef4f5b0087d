//! Sets of whole numbers as intervals: what a cell accepts, whatever its kind.

/// Inclusive intervals, sorted, with a gap between any two. Bounds stay well within 64 bits
/// (see [`BOUND`](crate::schema::BOUND)), so that `end + 1` never overflows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Set(Vec<(i64, i64)>);

impl Set {
    /// `start..=end`; empty where `start > end`.
    pub(crate) fn interval(start: i64, end: i64) -> Self {
        Self::union([(start, end)])
    }

    /// Every number in any of the intervals.
    pub(crate) fn union(intervals: impl IntoIterator<Item = (i64, i64)>) -> Self {
        let mut sorted: Vec<(i64, i64)> = intervals
            .into_iter()
            .filter(|(start, end)| start <= end)
            .collect();
        sorted.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(sorted.len());
        for (start, end) in sorted {
            match merged.last_mut() {
                Some(last) if start <= last.1 + 1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self(merged)
    }

    /// The numbers of `min..=max` that are not in it.
    pub(crate) fn complement(&self, min: i64, max: i64) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = min;
        for (start, end) in &self.0 {
            gaps.push((next, start - 1));
            next = end + 1;
        }
        gaps.push((next, max));
        Self::union(gaps)
    }

    pub(crate) fn intervals(&self) -> &[(i64, i64)] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest number; `None` for the empty set.
    pub(crate) fn min(&self) -> Option<i64> {
        self.0.first().map(|interval| interval.0)
    }

    /// The largest number; `None` for the empty set.
    pub(crate) fn max(&self) -> Option<i64> {
        self.0.last().map(|interval| interval.1)
    }

    pub(crate) fn contains(&self, number: i64) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= number);
        after > 0 && number <= self.0[after - 1].1
    }

    /// The numbers in both.
    pub(crate) fn intersect(&self, other: &Self) -> Self {
        let mut common = Vec::new();
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        while let (Some(one), Some(two)) = (left.first(), right.first()) {
            let (start, end) = (one.0.max(two.0), one.1.min(two.1));
            if start <= end {
                common.push((start, end));
            }
            if one.1 < two.1 {
                left = &left[1..];
            } else {
                right = &right[1..];
            }
        }
        Self(common)
    }

    /// The smallest number in both, without building the intersection.
    pub(crate) fn first_common(&self, other: &Self) -> Option<i64> {
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        loop {
            let (one, two) = (left.first()?, right.first()?);
            let start = one.0.max(two.0);
            if start <= one.1.min(two.1) {
                return Some(start);
            }
            if one.1 < two.1 {
                left = &left[1..];
            } else {
                right = &right[1..];
            }
        }
    }

    /// The largest number below `bound`.
    pub(crate) fn largest_below(&self, bound: i64) -> Option<i64> {
        self.0
            .iter()
            .rev()
            .find(|(start, _)| *start < bound)
            .map(|(_, end)| (*end).min(bound - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sets() -> impl Strategy<Value = Set> {
        prop::collection::vec((0_i64..40, 0_i64..6), 0..8).prop_map(|intervals| {
            Set::union(
                intervals
                    .into_iter()
                    .map(|(start, length)| (start, start + length)),
            )
        })
    }

    proptest! {
        #[test]
        fn operations_are_those_of_sets(one in sets(), other in sets(), bound in 0_i64..50) {
            let both = one.intersect(&other);
            let rest = one.complement(0, 50);
            for number in 0..=50 {
                let inside = one.contains(number);
                prop_assert_eq!(both.contains(number), inside && other.contains(number));
                prop_assert_eq!(rest.contains(number), !inside);
            }
            prop_assert_eq!(both.min(), one.first_common(&other));
            prop_assert_eq!(both.is_empty(), both.min().is_none());
            let below = (0..bound).rev().find(|number| one.contains(*number));
            prop_assert_eq!(one.largest_below(bound), below);
        }

        #[test]
        fn intervals_are_sorted_and_apart(set in sets()) {
            prop_assert!(set.intervals().iter().all(|(start, end)| start <= end));
            prop_assert!(set.intervals().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
