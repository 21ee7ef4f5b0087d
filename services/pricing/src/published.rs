//! A release as the service uses it: its prices, and the segmentation that prices may read.

use std::sync::Arc;

use fairlead_price_engine::Engine;
use fairlead_proto::control::v1::Campaign;
use fairlead_proto::pricing::v1::{PriceItem, PricingContext};
use fairlead_registry::{Purpose, Registry};
use fairlead_release::Live;

use crate::account::is_credit;
use crate::error::Error;

/// A release whose prices read no feature that the purpose price does not get.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) live: Arc<Live>,
    /// The first segmentation that prices may read, or `None` where there is none.
    segmentation: Option<String>,
    /// The campaigns with their dates.
    campaigns: Vec<Campaign>,
}

impl Published {
    /// Checks the features that the prices of a release read.
    pub(crate) fn check(registry: &Registry, live: &Arc<Live>) -> Result<Self, Error> {
        let layout = registry.layout(Purpose::Price);
        let known = |name: &str| layout.number(name).is_some() || layout.category(name).is_some();
        let features = live.prices.features();
        if let Some(name) = features.into_iter().find(|name| !known(name)) {
            let message =
                format!("feature `{name}` is not allowed: a feature whose purposes include price");
            return Err(Error::Release(message));
        }
        let mut segmentations = live.release.segmentations.iter();
        Ok(Self {
            segmentation: segmentations
                .find(|one| one.allow_price)
                .map(|one| one.segmentation_id.clone()),
            campaigns: live.release.campaigns.clone(),
            live: Arc::clone(live),
        })
    }

    /// Returns the prices of the release.
    pub(crate) fn engine(&self) -> &Engine {
        &self.live.prices
    }

    /// Returns true if an item is credit. A product that the release does not have is none.
    pub(crate) fn lends(&self, item: &PriceItem) -> bool {
        let product = self.live.catalogue.get(&item.product_id);
        product.is_some_and(is_credit)
    }

    /// Returns the customer's segment in the segmentation that prices may read, or `None` where
    /// there is no such segmentation or no segment of it.
    pub(crate) fn segment<'a>(&self, context: &'a PricingContext) -> Option<&'a str> {
        context
            .segments
            .get(self.segmentation.as_ref()?)
            .map(String::as_str)
    }

    /// Returns the campaign that a request names if the release has it and it runs at an instant,
    /// Unix milliseconds; else the empty text, for no campaign.
    pub(crate) fn campaign<'a>(&self, context: &'a PricingContext, as_of_ms: i64) -> &'a str {
        let runs = |campaign: &Campaign| {
            let ends_ms = match campaign.valid_to_ms {
                0 => i64::MAX,
                ends_ms => ends_ms,
            };
            campaign.campaign_id == context.campaign
                && (campaign.valid_from_ms..ends_ms).contains(&as_of_ms)
        };
        if self.campaigns.iter().any(runs) {
            &context.campaign
        } else {
            ""
        }
    }
}
