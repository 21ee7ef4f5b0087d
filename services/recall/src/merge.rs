//! Merging the lists of all sources into one order: reciprocal-rank fusion.
//!
//! Scores of different sources do not compare (an inner product, a count, a day); ranks do.
//! Cormack, Clarke and Büttcher, *Reciprocal Rank Fusion outperforms Condorcet and individual Rank
//! Learning Methods* (SIGIR 2009): a candidate's merged score is the sum over the sources that
//! found it of `1 / (60 + rank)`.

use std::cmp::Reverse;

use fairlead_proto::recall::v1::RecallSource;

/// The paper's constant: the larger it is, the less the first ranks stand out.
const RANK_OFFSET: u32 = 60;

/// A product that a source found; its rank is its position in the source's list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    /// The product's number on the assortment.
    pub(crate) product: u32,
    /// The source's own score.
    pub(crate) score: f32,
    /// For item-to-item: the product that led to it.
    pub(crate) because_of: Option<u32>,
}

impl Hit {
    /// Makes a hit that no other product led to.
    pub(crate) fn new(product: u32, score: f32) -> Self {
        Self {
            product,
            score,
            because_of: None,
        }
    }
}

/// The hits of one source, best first, each product once.
#[derive(Debug, Clone)]
pub(crate) struct SourceHits {
    /// The source.
    pub(crate) source: RecallSource,
    /// Its hits.
    pub(crate) hits: Vec<Hit>,
}

/// A product with every source that found it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merged {
    /// The product's number on the assortment.
    pub(crate) product: u32,
    /// The sources' hits, best rank first.
    pub(crate) sources: Vec<RankedHit>,
}

/// A hit with its source and its rank there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RankedHit {
    /// The source.
    pub(crate) source: RecallSource,
    /// The rank, counted from 1.
    pub(crate) rank: u32,
    /// The hit.
    pub(crate) hit: Hit,
}

/// Merges the lists of the sources and keeps the best `limit`. Equal merged scores are ordered by
/// `place_by_id`, the position of a product in the order of all ids, so that the result does not
/// depend on the order of the catalogue.
pub(crate) fn merge(lists: &[SourceHits], place_by_id: &[u32], limit: usize) -> Vec<Merged> {
    let mut hits: Vec<RankedHit> = lists.iter().flat_map(ranked).collect();
    hits.sort_unstable_by_key(|hit| (hit.hit.product, hit.rank, hit.source as i32));
    let mut products: Vec<ProductHits<'_>> = hits
        .chunk_by(|a, b| a.hit.product == b.hit.product)
        .map(|hits| ProductHits::new(hits, place_by_id))
        .collect();
    products.sort_unstable_by_key(|product| (Reverse(product.score), product.place));
    products.truncate(limit);
    let merged = |product: ProductHits<'_>| Merged {
        product: product.hits[0].hit.product,
        sources: product.hits.to_vec(),
    };
    products.into_iter().map(merged).collect()
}

/// Returns the hits of a source with their ranks.
fn ranked(list: &SourceHits) -> impl Iterator<Item = RankedHit> {
    list.hits.iter().zip(1_u32..).map(|(hit, rank)| RankedHit {
        source: list.source,
        rank,
        hit: *hit,
    })
}

/// All hits of one product.
struct ProductHits<'a> {
    /// The merged score. An integer, because floating-point sums depend on their order.
    score: u64,
    /// The position of the product in the order of all ids.
    place: u32,
    /// Never empty.
    hits: &'a [RankedHit],
}

impl<'a> ProductHits<'a> {
    fn new(hits: &'a [RankedHit], place_by_id: &[u32]) -> Self {
        let place = place_by_id.get(hits[0].hit.product as usize).copied();
        Self {
            score: hits.iter().map(|hit| reciprocal(hit.rank)).sum(),
            place: place.unwrap_or(u32::MAX),
            hits,
        }
    }
}

/// Returns `1 / (60 + rank)` in units of 2^-56; the sum of five sources cannot overflow.
fn reciprocal(rank: u32) -> u64 {
    (1 << 56) / u64::from(RANK_OFFSET + rank)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(source: RecallSource, products: &[u32]) -> SourceHits {
        let hits = products.iter().map(|&product| Hit::new(product, 0.5));
        SourceHits {
            source,
            hits: hits.collect(),
        }
    }

    fn order(lists: &[SourceHits], places: &[u32], limit: usize) -> Vec<u32> {
        let merged = merge(lists, places, limit);
        merged.into_iter().map(|row| row.product).collect()
    }

    const PLACES: [u32; 6] = [0, 1, 2, 3, 4, 5];

    /// (what it shows, popular, two-tower, new, expected order)
    type Case = (
        &'static str,
        &'static [u32],
        &'static [u32],
        &'static [u32],
        &'static [u32],
    );

    #[test]
    fn golden_orders() {
        let cases: &[Case] = &[
            ("nothing found", &[], &[], &[], &[]),
            (
                "one source keeps its order",
                &[3, 1, 2],
                &[],
                &[],
                &[3, 1, 2],
            ),
            (
                "two good places beat one first",
                &[0, 1, 2],
                &[3, 1],
                &[],
                &[1, 0, 3, 2],
            ),
            ("equal scores go by id", &[5], &[4], &[3], &[3, 4, 5]),
            // 1/61 + 1/62 for 0 and 1 both: by id; then 2, third of one source.
            ("mirrored places tie", &[0, 1, 2], &[1, 0], &[], &[0, 1, 2]),
            // 2 in three lists at rank 3 (3/63) beats 0 in one at rank 1 (1/61).
            (
                "found by all",
                &[0, 1, 2],
                &[3, 4, 2],
                &[5, 1, 2],
                &[2, 1, 0, 3, 5, 4],
            ),
        ];
        for (shows, popular, tower, new, expected) in cases {
            let lists = [
                list(RecallSource::Popular, popular),
                list(RecallSource::TwoTower, tower),
                list(RecallSource::New, new),
            ];
            assert_eq!(&order(&lists, &PLACES, 10), expected, "{shows}");
        }
    }

    #[test]
    fn sources_come_strongest_first_with_their_ranks() {
        let lists = [
            list(RecallSource::Popular, &[1, 0]),
            list(RecallSource::TwoTower, &[0]),
        ];
        let merged = merge(&lists, &PLACES, 10);
        let sources = |row: &Merged| -> Vec<(RecallSource, u32)> {
            row.sources.iter().map(|s| (s.source, s.rank)).collect()
        };
        assert_eq!(merged[0].product, 0);
        assert_eq!(
            sources(&merged[0]),
            [(RecallSource::TwoTower, 1), (RecallSource::Popular, 2)]
        );
        assert_eq!(sources(&merged[1]), [(RecallSource::Popular, 1)]);
    }

    proptest! {
        #[test]
        fn each_product_once_and_a_smaller_limit_is_a_prefix(
            found in proptest::collection::vec(
                proptest::sample::subsequence((0_u32..40).collect::<Vec<_>>(), 0..40)
                    .prop_shuffle(), 1..5),
            limit in 0_usize..50,
        ) {
            let sources = [
                RecallSource::TwoTower, RecallSource::ItemToItem, RecallSource::Popular,
                RecallSource::New, RecallSource::Campaign,
            ];
            let lists: Vec<SourceHits> =
                found.iter().zip(sources).map(|(found, source)| list(source, found)).collect();
            let places: Vec<u32> = (0..40).rev().collect();
            let all = order(&lists, &places, usize::MAX);
            let mut distinct: Vec<u32> = found.concat();
            distinct.sort_unstable();
            distinct.dedup();
            let mut sorted = all.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, distinct);
            let some = order(&lists, &places, limit);
            prop_assert_eq!(&some[..], &all[..limit.min(all.len())]);
            let mut reversed = lists;
            reversed.reverse();
            prop_assert_eq!(order(&reversed, &places, usize::MAX), all);
        }
    }
}
