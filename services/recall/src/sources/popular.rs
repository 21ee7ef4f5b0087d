//! Popular products: live counts, smoothed by the popularity in the training data.
//!
//! Counts over a few seconds, or of a new catalogue, are small. They are therefore read as draws
//! from a multinomial with a Dirichlet prior: a product's share is `(count + strength x prior) /
//! (all counts + strength)`, where the prior is the model folder's popularity, scaled to sum to 1.
//! Without counts (Redis has not answered since the start) the order is that of the prior. Without
//! a prior it is that of the counts, then of the ids.

use crate::bits::Bits;
use crate::merge::Hit;

/// All products in the order of their popularity.
#[derive(Debug, Default)]
pub(crate) struct Popular(Vec<Hit>);

/// The inputs of the order, with one value for each product of the assortment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    /// The live counts, not negative.
    pub(crate) counts: &'a [f64],
    /// The popularity in the training data, not negative, in any unit; empty if there is none.
    pub(crate) prior: &'a [f64],
    /// The number of live counts that the prior is worth.
    pub(crate) strength: f64,
}

impl Popular {
    /// Orders the products; ties are broken by `place_by_id`.
    pub(crate) fn new(evidence: Evidence<'_>, place_by_id: &[u32]) -> Self {
        let Evidence {
            counts,
            prior,
            strength,
        } = evidence;
        let counted: f64 = counts.iter().sum();
        let seen: f64 = prior.iter().sum();
        let uniform = 1.0 / counts.len().max(1) as f64;
        let expected = |at: usize| match prior.get(at) {
            Some(weight) if seen > 0.0 => weight / seen,
            _ if seen > 0.0 => 0.0,
            _ => uniform,
        };
        let share = |at: usize| (counts[at] + strength * expected(at)) / (counted + strength);
        let mut hits: Vec<Hit> = (0..counts.len())
            .map(|at| Hit::new(at as u32, share(at) as f32))
            .collect();
        hits.sort_unstable_by(|a, b| {
            let place = |hit: &Hit| place_by_id[hit.product as usize];
            b.score.total_cmp(&a.score).then(place(a).cmp(&place(b)))
        });
        Self(hits)
    }

    /// Returns the first `limit` of `allowed`; scores are shares of all demand.
    pub(crate) fn find(&self, allowed: &Bits, limit: usize) -> Vec<Hit> {
        self.0
            .iter()
            .filter(|hit| allowed.contains(hit.product))
            .take(limit)
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [u32; 3] = [2, 1, 0];

    fn order(counts: &[f64], prior: &[f64]) -> Vec<(u32, f32)> {
        let evidence = Evidence {
            counts,
            prior,
            strength: 10.0,
        };
        let all: Bits = (0..counts.len() as u32).collect();
        Popular::new(evidence, &PLACES)
            .find(&all, 10)
            .into_iter()
            .map(|hit| (hit.product, hit.score))
            .collect()
    }

    /// (what it shows, counts, prior, expected)
    type Case<'a> = (&'a str, &'a [f64], &'a [f64], &'a [(u32, f32)]);

    #[test]
    fn golden_orders() {
        let cases: [Case<'_>; 5] = [
            (
                "without counts the prior's order",
                &[0.0, 0.0, 0.0],
                &[1.0, 6.0, 3.0],
                &[(1, 0.6), (2, 0.3), (0, 0.1)],
            ),
            (
                "neither: by id",
                &[0.0, 0.0, 0.0],
                &[],
                &[(2, 1.0 / 3.0), (1, 1.0 / 3.0), (0, 1.0 / 3.0)],
            ),
            (
                "few counts move little, (2 + 10 x 0.1) / 12, and a tie goes by id",
                &[2.0, 0.0, 0.0],
                &[1.0, 6.0, 3.0],
                &[(1, 0.5), (2, 0.25), (0, 0.25)],
            ),
            (
                "many counts decide",
                &[80.0, 0.0, 10.0],
                &[1.0, 6.0, 3.0],
                &[(0, 0.81), (2, 0.13), (1, 0.06)],
            ),
            (
                "a product that training did not know",
                &[5.0, 5.0, 0.0],
                &[10.0],
                &[(0, 0.75), (1, 0.25), (2, 0.0)],
            ),
        ];
        for (shows, counts, prior, expected) in cases {
            let got = order(counts, prior);
            let same = |(a, b): (&(u32, f32), &(u32, f32))| a.0 == b.0 && (a.1 - b.1).abs() < 1e-6;
            assert_eq!(got.len(), expected.len(), "{shows}");
            assert!(got.iter().zip(expected).all(same), "{shows}: {got:?}");
        }
    }

    #[test]
    fn an_empty_assortment_has_no_order() {
        assert_eq!(order(&[], &[]), []);
    }
}
