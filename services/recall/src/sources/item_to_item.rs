//! Products similar to those that the customer holds or lately opened or took.

use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::merge::Hit;

/// The time in which the weight of an opened product halves.
const HALF_LIFE_MS: f64 = 7.0 * 24.0 * 60.0 * 60.0 * 1000.0;

/// A product that the customer holds, or lately opened or took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seed {
    /// The product's number.
    pub(crate) product: u32,
    /// 1 for a product that is held; any other weighs half as much every seven days.
    pub(crate) weight: f32,
}

impl Seed {
    /// Makes the seed of a product that is held.
    pub(crate) fn held(product: u32) -> Self {
        Self {
            product,
            weight: 1.0,
        }
    }

    /// Makes the seed of a product that was opened or taken `age_ms` ago.
    pub(crate) fn touched(product: u32, age_ms: i64) -> Self {
        let half_lives = age_ms.max(0) as f64 / HALF_LIFE_MS;
        Self {
            product,
            weight: (-half_lives).exp2() as f32,
        }
    }
}

/// The similar products of each product of the assortment.
#[derive(Debug, Default)]
pub(crate) struct Neighbours(Vec<Vec<Neighbour>>);

/// A similar product.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    product: u32,
    similarity: f32,
}

/// The score that one seed gives to one product.
struct Contribution {
    product: u32,
    score: f32,
    seed: u32,
}

impl Neighbours {
    /// Numbers the products of a co-occurrence table for an assortment of `length`; products
    /// outside the assortment are left out.
    pub(crate) fn new(
        table: &BTreeMap<String, Vec<(String, f32)>>,
        length: u32,
        number: impl Fn(&str) -> Option<u32>,
    ) -> Self {
        let mut neighbours = vec![Vec::new(); length as usize];
        for (id, others) in table {
            if let Some(of) = number(id).and_then(|at| neighbours.get_mut(at as usize)) {
                *of = others
                    .iter()
                    .filter_map(|(other, similarity)| {
                        Some(Neighbour {
                            product: number(other)?,
                            similarity: *similarity,
                        })
                    })
                    .collect();
            }
        }
        Self(neighbours)
    }

    /// Returns the best `limit` of `allowed`. The score is the sum over `seeds` of weight times
    /// similarity; `because_of` is the seed that gave most of it. Ties are broken by `place_by_id`.
    pub(crate) fn find(
        &self,
        seeds: &[Seed],
        allowed: &Bits,
        place_by_id: &[u32],
        limit: usize,
    ) -> Vec<Hit> {
        let place = |product: u32| place_by_id[product as usize];
        let mut contributions: Vec<Contribution> = Vec::new();
        for seed in strongest_once(seeds) {
            let others = self.0.get(seed.product as usize).into_iter().flatten();
            let useful =
                |other: &&Neighbour| other.similarity > 0.0 && allowed.contains(other.product);
            contributions.extend(others.filter(useful).map(|other| Contribution {
                product: other.product,
                score: seed.weight * other.similarity,
                seed: seed.product,
            }));
        }
        // The largest contribution of a product comes first; the order of the sum is then fixed too.
        contributions.sort_unstable_by(|a, b| {
            a.product
                .cmp(&b.product)
                .then(b.score.total_cmp(&a.score))
                .then(place(a.seed).cmp(&place(b.seed)))
        });
        let mut hits: Vec<Hit> = contributions
            .chunk_by(|a, b| a.product == b.product)
            .map(|of_product| Hit {
                product: of_product[0].product,
                score: of_product.iter().map(|one| one.score).sum(),
                because_of: Some(of_product[0].seed),
            })
            .collect();
        hits.sort_unstable_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then(place(a.product).cmp(&place(b.product)))
        });
        hits.truncate(limit);
        hits
    }
}

/// Returns each product once, with its largest weight: a product held and opened counts as held.
fn strongest_once(seeds: &[Seed]) -> Vec<Seed> {
    let mut seeds = seeds.to_vec();
    seeds.sort_unstable_by(|a, b| {
        a.product
            .cmp(&b.product)
            .then(b.weight.total_cmp(&a.weight))
    });
    seeds.dedup_by_key(|seed| seed.product);
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;
    const PLACES: [u32; 6] = [0, 1, 2, 3, 4, 5];

    fn neighbours() -> Neighbours {
        let row = |others: &[(&str, f32)]| {
            others
                .iter()
                .map(|(id, score)| ((*id).to_owned(), *score))
                .collect()
        };
        let table = BTreeMap::from([
            (
                "0".to_owned(),
                row(&[("2", 0.5), ("3", 0.25), ("gone", 9.0)]),
            ),
            ("1".to_owned(), row(&[("3", 0.5), ("4", 0.5), ("5", 0.0)])),
            ("gone".to_owned(), row(&[("5", 9.0)])),
        ]);
        Neighbours::new(&table, 6, |id| id.parse().ok())
    }

    /// (what it shows, seeds, expected (product, score, because of))
    type Case<'a> = (&'a str, Vec<Seed>, Vec<(u32, f32, u32)>);

    #[test]
    fn golden_lists() {
        let all: Bits = (0..6).collect();
        let fresh = |product| Seed::touched(product, 0);
        let week_old = |product| Seed::touched(product, 7 * DAY);
        let cases: [Case<'_>; 6] = [
            ("no seeds", vec![], vec![]),
            (
                "one seed",
                vec![Seed::held(0)],
                vec![(2, 0.5, 0), (3, 0.25, 0)],
            ),
            (
                "similarities add up, the larger is the cause",
                vec![fresh(0), fresh(1)],
                vec![(3, 0.75, 1), (2, 0.5, 0), (4, 0.5, 1)],
            ),
            (
                "a week halves",
                vec![week_old(0)],
                vec![(2, 0.25, 0), (3, 0.125, 0)],
            ),
            (
                "held and opened counts once, as held",
                vec![week_old(0), Seed::held(0)],
                vec![(2, 0.5, 0), (3, 0.25, 0)],
            ),
            ("a seed without neighbours", vec![fresh(5)], vec![]),
        ];
        for (shows, seeds, expected) in cases {
            let found: Vec<(u32, f32, u32)> = neighbours()
                .find(&seeds, &all, &PLACES, 10)
                .into_iter()
                .filter_map(|hit| Some((hit.product, hit.score, hit.because_of?)))
                .collect();
            assert_eq!(found, expected, "{shows}");
        }
    }

    #[test]
    fn only_allowed_products_within_the_limit() {
        let seeds = [Seed::held(0), Seed::held(1)];
        let allowed: Bits = [2, 4].into_iter().collect();
        let hits = neighbours().find(&seeds, &allowed, &PLACES, 1);
        assert_eq!(hits.iter().map(|hit| hit.product).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn an_event_from_the_future_weighs_no_more_than_one_now() {
        assert_eq!(Seed::touched(0, -DAY), Seed::touched(0, 0));
    }
}
