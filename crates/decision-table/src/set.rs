//! Sets of integers as intervals: the positions that a cell accepts, whatever its kind.

/// The integers `start..=end`. Bounds stay well within 64 bits (see
/// [`BOUND`](crate::schema::BOUND)), so that `end + 1` never overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Interval {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Interval {
    /// Makes the interval of one number.
    pub(crate) const fn single(number: i64) -> Self {
        Self {
            start: number,
            end: number,
        }
    }
}

/// Intervals, sorted, with a gap between any two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Set(Vec<Interval>);

impl From<Interval> for Set {
    /// Makes the set of one interval; empty if `start > end`.
    fn from(interval: Interval) -> Self {
        Self::union([interval])
    }
}

impl Set {
    /// Makes the set of every number in any of the intervals.
    pub(crate) fn union(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let mut sorted: Vec<Interval> = intervals
            .into_iter()
            .filter(|interval| interval.start <= interval.end)
            .collect();
        sorted.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
        for interval in sorted {
            match merged.last_mut() {
                Some(last) if interval.start <= last.end + 1 => {
                    last.end = last.end.max(interval.end);
                }
                _ => merged.push(interval),
            }
        }
        Self(merged)
    }

    /// Returns the numbers within bounds that are not in the set.
    pub(crate) fn complement(&self, bounds: Interval) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut start = bounds.start;
        for interval in &self.0 {
            gaps.push(Interval {
                start,
                end: interval.start - 1,
            });
            start = interval.end + 1;
        }
        gaps.push(Interval {
            start,
            end: bounds.end,
        });
        Self::union(gaps)
    }

    /// Returns the intervals, ascending.
    pub(crate) fn intervals(&self) -> &[Interval] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the smallest number, or `None` if the set is empty.
    pub(crate) fn min(&self) -> Option<i64> {
        self.0.first().map(|interval| interval.start)
    }

    /// Returns the largest number, or `None` if the set is empty.
    pub(crate) fn max(&self) -> Option<i64> {
        self.0.last().map(|interval| interval.end)
    }

    pub(crate) fn contains(&self, number: i64) -> bool {
        let after = self.0.partition_point(|interval| interval.start <= number);
        after > 0 && number <= self.0[after - 1].end
    }

    /// Returns the numbers that are in both sets.
    pub(crate) fn intersect(&self, other: &Self) -> Self {
        let mut common = Vec::new();
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        while let (Some(one), Some(two)) = (left.first(), right.first()) {
            let (start, end) = (one.start.max(two.start), one.end.min(two.end));
            if start <= end {
                common.push(Interval { start, end });
            }
            if one.end < two.end {
                left = &left[1..];
            } else {
                right = &right[1..];
            }
        }
        Self(common)
    }

    /// Returns the smallest number that is in both sets, or `None` if they are disjoint.
    pub(crate) fn first_common(&self, other: &Self) -> Option<i64> {
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        loop {
            let (one, two) = (left.first()?, right.first()?);
            let start = one.start.max(two.start);
            if start <= one.end.min(two.end) {
                return Some(start);
            }
            if one.end < two.end {
                left = &left[1..];
            } else {
                right = &right[1..];
            }
        }
    }

    /// Returns the largest number below `bound`, or `None` if there is none.
    pub(crate) fn largest_below(&self, bound: i64) -> Option<i64> {
        self.0
            .iter()
            .rev()
            .find(|interval| interval.start < bound)
            .map(|interval| interval.end.min(bound - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sets() -> impl Strategy<Value = Set> {
        prop::collection::vec((0_i64..40, 0_i64..6), 0..8).prop_map(|intervals| {
            Set::union(intervals.into_iter().map(|(start, length)| Interval {
                start,
                end: start + length,
            }))
        })
    }

    proptest! {
        #[test]
        fn operations_are_those_of_sets(one in sets(), other in sets(), bound in 0_i64..50) {
            let both = one.intersect(&other);
            let rest = one.complement(Interval { start: 0, end: 50 });
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
            prop_assert!(set.intervals().iter().all(|interval| interval.start <= interval.end));
            prop_assert!(set.intervals().windows(2).all(|pair| pair[0].end + 1 < pair[1].start));
        }
    }
}
