//! Products that go with those that the customer holds or lately opened or took.

use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::merge::Hit;

/// The time in which interest in an opened product halves.
const HALF_LIFE_MS: f64 = 7.0 * 24.0 * 60.0 * 60.0 * 1000.0;

/// A product that the customer holds or lately touched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seed {
    /// The product's number.
    pub(crate) product: u32,
    /// 1 for what is held; what was touched counts half as much every seven days.
    pub(crate) weight: f32,
}

impl Seed {
    /// Creates the seed of a product that is held: it matters as long as it is.
    pub(crate) fn held(product: u32) -> Self {
        Self {
            product,
            weight: 1.0,
        }
    }

    /// Creates the seed of a product that was opened or taken `age_ms` ago.
    pub(crate) fn touched(product: u32, age_ms: i64) -> Self {
        let half_lives = age_ms.max(0) as f64 / HALF_LIFE_MS;
        Self {
            product,
            weight: (-half_lives).exp2() as f32,
        }
    }
}

/// For each product of the assortment, the products that go with it.
#[derive(Debug, Default)]
pub(crate) struct Neighbours(Vec<Vec<(u32, f32)>>);

impl Neighbours {
    /// Numbers the products of a co-occurrence table for a assortment of `length`; products that the
    /// assortment does not have are left out.
    pub(crate) fn of(
        table: &BTreeMap<String, Vec<(String, f32)>>,
        length: u32,
        number: impl Fn(&str) -> Option<u32>,
    ) -> Self {
        let mut neighbours = vec![Vec::new(); length as usize];
        for (id, others) in table {
            if let Some(of) = number(id).and_then(|at| neighbours.get_mut(at as usize)) {
                *of = others
                    .iter()
                    .filter_map(|(other, score)| Some((number(other)?, *score)))
                    .collect();
            }
        }
        Self(neighbours)
    }

    /// Returns the best `limit` of `allowed`: the score is the sum over `seeds` of weight times
    /// similarity, and `because_of` the seed that gave most of it. Ties go by `place_by_id`.
    pub(crate) fn find(
        &self,
        seeds: &[Seed],
        allowed: &Bits,
        place_by_id: &[u32],
        limit: usize,
    ) -> Vec<Hit> {
        let mut rows: Vec<(u32, f32, u32)> = Vec::new();
        for seed in strongest_once(seeds) {
            let others = self.0.get(seed.product as usize).into_iter().flatten();
            rows.extend(
                others
                    .filter(|&&(other, score)| score > 0.0 && allowed.contains(other))
                    .map(|&(other, score)| (other, seed.weight * score, seed.product)),
            );
        }
        // Strongest cause first, so that it heads its product's group; the order of the sum is
        // then fixed too.
        rows.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0)
                .then(b.1.total_cmp(&a.1))
                .then(place_by_id[a.2 as usize].cmp(&place_by_id[b.2 as usize]))
        });
        let mut hits: Vec<Hit> = rows
            .chunk_by(|a, b| a.0 == b.0)
            .map(|rows| Hit {
                product: rows[0].0,
                score: rows.iter().map(|row| row.1).sum(),
                because_of: Some(rows[0].2),
            })
            .collect();
        hits.sort_unstable_by(|a, b| {
            let place = |hit: &Hit| place_by_id[hit.product as usize];
            b.score.total_cmp(&a.score).then(place(a).cmp(&place(b)))
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
        Neighbours::of(&table, 6, |id| id.parse().ok())
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
