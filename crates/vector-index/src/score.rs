//! The score, and the selection of the best `k`: the arithmetic of every kind of index.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// One row found, with its inner product with the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The row, in order of addition.
    pub row: u32,
    /// Inner product of query and row; finite.
    pub score: f32,
}

impl Hit {
    /// Returns `Less` if `self` comes before `other`: higher score first, then lower row.
    pub fn rank(&self, other: &Self) -> Ordering {
        other
            .score
            .total_cmp(&self.score)
            .then(self.row.cmp(&other.row))
    }
}

/// The number of parallel partial sums: four SSE registers of four, which the compiler uses on the
/// baseline target, and which hide the latency of an addition.
const LANES: usize = 16;

/// Returns the inner product of two slices of the same length, in one fixed order of operations: the same bits
/// on every machine, since Rust neither reassociates nor fuses floating-point operations.
pub(crate) fn inner_product(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_body, a_tail) = a.as_chunks::<LANES>();
    let (b_body, b_tail) = b.as_chunks::<LANES>();
    for (x, y) in a_body.iter().zip(b_body) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += x * y;
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(a_tail).zip(b_tail) {
        *lane += x * y;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    // Adding zero turns -0.0 into 0.0, so that equal scores are equal in `total_cmp` too.
    lanes[0] + 0.0
}

/// Returns the Euclidean norm in `f64`, which no finite `f32` input of a real dimension overflows.
pub(crate) fn norm(vector: &[f32]) -> f64 {
    vector
        .iter()
        .map(|&x| f64::from(x) * f64::from(x))
        .sum::<f64>()
        .sqrt()
}

/// The largest product of norms for which every partial sum of a score stays finite: by
/// Cauchy-Schwarz a partial sum is at most the product of the norms, and rounding adds less than
/// the factor of two.
pub(crate) const NORM_PRODUCT_LIMIT: f64 = f32::MAX as f64 / 2.0;

/// Returns a bound on the difference of two evaluations of the same inner product in `f32`, in any
/// order of operations, fused or not: each is within `d u / (1 - d u)` times the sum of the
/// absolute products of the true value (Higham, *Accuracy and Stability*, 3.1), which
/// Cauchy-Schwarz bounds by the product of the norms.
pub(crate) fn rounding_bound(dimension: usize, norm_product: f64) -> f64 {
    let unit_roundoff = f64::from(f32::EPSILON) / 2.0;
    let d = dimension as f64 * unit_roundoff;
    let relative = 2.0 * d / (1.0 - d) * norm_product;
    // The smallest normal number covers underflow in the products.
    relative + dimension as f64 * f64::from(f32::MIN_POSITIVE)
}

/// Keeps the best `k` hits of those offered.
pub(crate) struct TopK {
    k: usize,
    worst_first: BinaryHeap<ByRank>,
}

impl TopK {
    pub(crate) fn new(k: usize) -> Self {
        Self {
            k,
            worst_first: BinaryHeap::with_capacity(k),
        }
    }

    /// Takes a hit if it is among the best `k` so far.
    pub(crate) fn offer(&mut self, hit: Hit) {
        if self.worst_first.len() < self.k {
            self.worst_first.push(ByRank(hit));
        } else if let Some(mut worst) = self.worst_first.peek_mut()
            && hit.rank(&worst.0) == Ordering::Less
        {
            worst.0 = hit;
        }
    }

    /// Returns the hits, best first.
    pub(crate) fn into_hits(self) -> Vec<Hit> {
        self.worst_first
            .into_sorted_vec()
            .into_iter()
            .map(|by_rank| by_rank.0)
            .collect()
    }
}

/// A hit in an order in which the one that ranks last is the greatest.
struct ByRank(Hit);

impl Ord for ByRank {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.rank(&other.0)
    }
}

impl PartialOrd for ByRank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByRank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ByRank {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_negative_zero_score_ties_with_zero() {
        assert_eq!(inner_product(&[-0.0], &[1.0]).to_bits(), 0.0f32.to_bits());
    }

    proptest! {
        #[test]
        fn the_score_is_within_the_bound_of_the_true_value(
            pairs in proptest::collection::vec((-1e3f32..1e3, -1e3f32..1e3), 1..200)
        ) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let truth: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            let bound = rounding_bound(a.len(), norm(&a) * norm(&b));
            prop_assert!((f64::from(inner_product(&a, &b)) - truth).abs() <= bound);
        }

        #[test]
        fn top_k_is_the_head_of_the_sorted_list(
            scores in proptest::collection::vec(-3i8..3, 0..60), k in 0usize..70
        ) {
            let hits: Vec<Hit> = scores
                .iter()
                .zip(0u32..)
                .map(|(&score, row)| Hit { row, score: f32::from(score) })
                .collect();
            let mut top = TopK::new(k);
            for &hit in &hits {
                top.offer(hit);
            }
            let mut sorted = hits;
            sorted.sort_by(Hit::rank);
            sorted.truncate(k);
            prop_assert_eq!(top.into_hits(), sorted);
        }
    }
}
