//! Products that a campaign pushes while it runs.

use fairlead_proto::control::v1::Campaign;

use crate::bits::Bits;
use crate::merge::Hit;

/// The campaigns of a release.
#[derive(Debug)]
pub(crate) struct Campaigns(Vec<NumberedCampaign>);

/// A campaign with its products as numbers of the assortment.
#[derive(Debug)]
struct NumberedCampaign {
    from_ms: i64,
    /// The first instant after it; `i64::MAX` for a campaign without an end.
    to_ms: i64,
    products: Vec<u32>,
}

impl Campaigns {
    /// Takes the campaigns in the release's order. Products that are not in the catalogue are left
    /// out: the release's checks report them.
    pub(crate) fn new(campaigns: &[Campaign], number: impl Fn(&str) -> Option<u32>) -> Self {
        let numbered = |campaign: &Campaign| NumberedCampaign {
            from_ms: campaign.valid_from_ms,
            to_ms: match campaign.valid_to_ms {
                0 => i64::MAX,
                end => end,
            },
            products: campaign
                .product_ids
                .iter()
                .filter_map(|id| number(id))
                .collect(),
        };
        Self(campaigns.iter().map(numbered).collect())
    }

    /// Returns the first `limit` allowed products of the campaigns that run at `as_of_ms`, in the
    /// order of the release and of the campaign. Every score is 1.
    pub(crate) fn find(&self, as_of_ms: i64, allowed: &Bits, limit: usize) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        let running = self
            .0
            .iter()
            .filter(|campaign| (campaign.from_ms..campaign.to_ms).contains(&as_of_ms));
        for &product in running.flat_map(|campaign| &campaign.products) {
            if hits.len() == limit {
                break;
            }
            let seen = hits.iter().any(|hit| hit.product == product);
            if allowed.contains(product) && !seen {
                hits.push(Hit::new(product, 1.0));
            }
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign(from: i64, to: i64, products: &[&str]) -> Campaign {
        Campaign {
            campaign_id: "c".into(),
            product_ids: products.iter().map(ToString::to_string).collect(),
            valid_from_ms: from,
            valid_to_ms: to,
        }
    }

    #[test]
    fn only_running_campaigns_push_each_product_once() {
        let campaigns = [
            campaign(10, 20, &["2", "0", "unknown"]),
            campaign(15, 0, &["1", "2"]),
        ];
        let campaigns = Campaigns::new(&campaigns, |id| id.parse().ok());
        let all: Bits = (0..3).collect();
        let only_one: Bits = [1].into_iter().collect();
        // (as of, expected)
        let cases: [(i64, &[u32]); 5] = [
            (9, &[]),
            (10, &[2, 0]),
            (15, &[2, 0, 1]),
            (20, &[1, 2]),
            (i64::MAX - 1, &[1, 2]),
        ];
        for (as_of, expected) in cases {
            let hits = campaigns.find(as_of, &all, 10);
            let found: Vec<u32> = hits.iter().map(|hit| hit.product).collect();
            assert_eq!(found, expected, "as of {as_of}");
        }
        assert_eq!(campaigns.find(15, &only_one, 10).len(), 1);
        assert_eq!(campaigns.find(15, &all, 1).len(), 1);
    }
}
