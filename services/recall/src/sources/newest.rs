//! Newly listed products, newest first.

use fairlead_proto::catalogue::v1::Product;

use crate::bits::Bits;
use crate::merge::Hit;

/// The time for which a product is new.
const NEW_FOR_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The products in the order in which they were listed.
#[derive(Debug)]
pub(crate) struct Newest {
    /// Newest first, then by product id.
    listed: Vec<ListedProduct>,
}

/// A product with the instant at which it was listed.
#[derive(Debug, Clone, Copy)]
struct ListedProduct {
    at_ms: i64,
    product: u32,
}

impl Newest {
    /// Orders `products`, which are numbered by their position.
    pub(crate) fn new(products: &[Product], place_by_id: &[u32]) -> Self {
        let mut listed: Vec<ListedProduct> = products
            .iter()
            .zip(0_u32..)
            .map(|(product, number)| ListedProduct {
                at_ms: product.listed_at_ms,
                product: number,
            })
            .collect();
        listed.sort_unstable_by_key(|listed| {
            let place = place_by_id[listed.product as usize];
            (std::cmp::Reverse(listed.at_ms), place)
        });
        Self { listed }
    }

    /// Returns the first `limit` of `allowed` that were listed within 30 days before `as_of_ms`.
    /// The score falls from 1 (listed now) to 0 (30 days ago).
    pub(crate) fn find(&self, as_of_ms: i64, allowed: &Bits, limit: usize) -> Vec<Hit> {
        let from = self
            .listed
            .partition_point(|listed| listed.at_ms > as_of_ms);
        let age_ms = |listed: &ListedProduct| as_of_ms.saturating_sub(listed.at_ms);
        let freshness = |listed: &ListedProduct| 1.0 - age_ms(listed) as f64 / NEW_FOR_MS as f64;
        self.listed[from..]
            .iter()
            .take_while(|listed| age_ms(listed) <= NEW_FOR_MS)
            .filter(|listed| allowed.contains(listed.product))
            .take(limit)
            .map(|listed| Hit::new(listed.product, freshness(listed) as f32))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn newest_first_within_thirty_days_and_never_from_the_future() {
        let listed = |days: i64| Product {
            listed_at_ms: days * DAY,
            ..Product::default()
        };
        // Numbers: 0 listed on day 100, 1 on day 99, 2 on day 70, 3 on day 69, 4 tomorrow.
        let products = [100, 99, 70, 69, 101].map(listed);
        let newest = Newest::new(&products, &[0, 1, 2, 3, 4]);
        let all: Bits = (0..5).collect();
        let hits = newest.find(100 * DAY, &all, 10);
        let numbers: Vec<u32> = hits.iter().map(|hit| hit.product).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert!((hits[0].score - 1.0).abs() < 1e-6 && hits[2].score.abs() < 1e-6);
        assert_eq!(newest.find(100 * DAY, &all, 2).len(), 2);
        let only_two: Bits = [2].into_iter().collect();
        assert_eq!(newest.find(100 * DAY, &only_two, 1)[0].product, 2);
    }

    #[test]
    fn products_listed_together_go_by_id() {
        let products = vec![Product::default(); 3];
        let newest = Newest::new(&products, &[2, 0, 1]);
        let hits = newest.find(0, &(0..3).collect(), 10);
        assert_eq!(
            hits.iter().map(|hit| hit.product).collect::<Vec<_>>(),
            [1, 2, 0]
        );
    }

    #[test]
    fn extreme_instants_do_not_overflow() {
        let product = Product {
            listed_at_ms: i64::MIN,
            ..Product::default()
        };
        let newest = Newest::new(&[product], &[0]);
        assert_eq!(newest.find(i64::MAX, &(0..1).collect(), 1), []);
    }
}
