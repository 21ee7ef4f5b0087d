//! Merging what the sources found into one order: reciprocal-rank fusion.
//!
//! Scores of different sources do not compare (an inner product, a count, a day); ranks do.
//! Cormack, Clarke and Büttcher, *Reciprocal Rank Fusion outperforms Condorcet and individual Rank
//! Learning Methods* (SIGIR 2009): a candidate's merged score is the sum over the sources that
//! found it of `1 / (60 + rank)`.

use std::cmp::Reverse;

use fairlead_proto::recall::v1::RecallSource;

/// The paper's constant: how little the first ranks stand out.
const RANK_OFFSET: u32 = 60;

/// A product as one source found it; its rank is its place in the source's list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    /// The product's number on the assortment.
    pub(crate) product: u32,
    /// The source's own score.
    pub(crate) score: f32,
    /// For item-to-item: the product that it goes with.
    pub(crate) because_of: Option<u32>,
}

impl Hit {
    /// Creates a hit without a cause.
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
    /// Sources, strongest (best rank) first.
    pub(crate) sources: Vec<Sourced>,
}

/// A source's word on a product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sourced {
    /// The source.
    pub(crate) source: RecallSource,
    /// 1-based.
    pub(crate) rank: u32,
    /// The hit.
    pub(crate) hit: Hit,
}

/// Merges the hits of all sources and keeps the best `limit`. Equal merged scores go by `place_by_id`, the
/// place of a product among all in the order of their ids, so that the order never depends on how
/// a catalogue was sent.
pub(crate) fn merge(findings: &[SourceHits], place_by_id: &[u32], limit: usize) -> Vec<Merged> {
    let mut rows: Vec<Sourced> = findings
        .iter()
        .flat_map(|finding| {
            finding
                .hits
                .iter()
                .zip(1_u32..)
                .map(|(&hit, rank)| Sourced {
                    source: finding.source,
                    rank,
                    hit,
                })
        })
        .collect();
    rows.sort_unstable_by_key(|row| (row.hit.product, row.rank, row.source as i32));
    // Integer arithmetic: sums of reciprocals in floating point depend on their order.
    let mut merged: Vec<(Reverse<u64>, u32, &[Sourced])> = rows
        .chunk_by(|a, b| a.hit.product == b.hit.product)
        .map(|rows| {
            let score = rows.iter().map(|row| reciprocal(row.rank)).sum();
            let product = rows[0].hit.product;
            let place = place_by_id.get(product as usize).copied();
            (Reverse(score), place.unwrap_or(u32::MAX), rows)
        })
        .collect();
    merged.sort_unstable_by_key(|&(score, place, _)| (score, place));
    merged.truncate(limit);
    let candidate = |(_, _, rows): (_, _, &[Sourced])| Merged {
        product: rows[0].hit.product,
        sources: rows.to_vec(),
    };
    merged.into_iter().map(candidate).collect()
}

/// Returns `1 / (60 + rank)` in units of 2^-56: five sources cannot overflow the sum.
fn reciprocal(rank: u32) -> u64 {
    (1 << 56) / u64::from(RANK_OFFSET + rank)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finding(source: RecallSource, products: &[u32]) -> SourceHits {
        let hits = products.iter().map(|&product| Hit::new(product, 0.5));
        SourceHits {
            source,
            hits: hits.collect(),
        }
    }

    fn order(findings: &[SourceHits], places: &[u32], limit: usize) -> Vec<u32> {
        let merged = merge(findings, places, limit);
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
            ("no hit", &[], &[], &[], &[]),
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
            let findings = [
                finding(RecallSource::Popular, popular),
                finding(RecallSource::TwoTower, tower),
                finding(RecallSource::New, new),
            ];
            assert_eq!(&order(&findings, &PLACES, 10), expected, "{shows}");
        }
    }

    #[test]
    fn sources_come_strongest_first_with_their_ranks() {
        let findings = [
            finding(RecallSource::Popular, &[1, 0]),
            finding(RecallSource::TwoTower, &[0]),
        ];
        let merged = merge(&findings, &PLACES, 10);
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
            lists in proptest::collection::vec(
                proptest::sample::subsequence((0_u32..40).collect::<Vec<_>>(), 0..40)
                    .prop_shuffle(), 1..5),
            limit in 0_usize..50,
        ) {
            let sources = [
                RecallSource::TwoTower, RecallSource::ItemToItem, RecallSource::Popular,
                RecallSource::New, RecallSource::Campaign,
            ];
            let findings: Vec<SourceHits> =
                lists.iter().zip(sources).map(|(list, source)| finding(source, list)).collect();
            let places: Vec<u32> = (0..40).rev().collect();
            let all = order(&findings, &places, usize::MAX);
            let mut distinct: Vec<u32> = lists.concat();
            distinct.sort_unstable();
            distinct.dedup();
            let mut sorted = all.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, distinct);
            let some = order(&findings, &places, limit);
            prop_assert_eq!(&some[..], &all[..limit.min(all.len())]);
            let mut reversed = findings;
            reversed.reverse();
            prop_assert_eq!(order(&reversed, &places, usize::MAX), all);
        }
    }
}
