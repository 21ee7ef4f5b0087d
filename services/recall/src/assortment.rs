//! A release's catalogue, prepared once so that requests only compare numbers: products by
//! position, their order by id, their eligibility classes, and the orders that sources read.

use std::sync::Arc;

use fairlead_proto::catalogue::v1::Product;
use fairlead_release::Live;
use fairlead_release::eligibility::EligibilityClasses;

use crate::sources::campaign::Campaigns;
use crate::sources::newest::Newest;

/// The products of one release, numbered by their position in its catalogue.
#[derive(Debug)]
pub(crate) struct Assortment {
    /// The release.
    pub(crate) live: Arc<Live>,
    /// For each product its position in the order of ids, which breaks every tie.
    pub(crate) place_by_id: Vec<u32>,
    /// Products by the time of listing.
    pub(crate) newest: Newest,
    /// The release's campaigns.
    pub(crate) campaigns: Campaigns,
    /// Its products in classes that eligibility treats alike.
    pub(crate) eligibility: EligibilityClasses,
}

impl Assortment {
    /// Prepares the catalogue of `live`.
    pub(crate) fn of(live: Arc<Live>) -> Self {
        let products = live.catalogue.products();
        let place_by_id = places(products);
        let number = |id: &str| live.catalogue.index_of(id);
        Self {
            newest: Newest::new(products, &place_by_id),
            campaigns: Campaigns::new(&live.release.campaigns, number),
            place_by_id,
            eligibility: EligibilityClasses::new(products),
            live,
        }
    }

    /// Returns the products.
    pub(crate) fn products(&self) -> &[Product] {
        self.live.catalogue.products()
    }

    /// Returns the number of products.
    pub(crate) fn length(&self) -> u32 {
        self.place_by_id.len() as u32
    }

    /// Returns the number of a product, or `None` if it is not in the assortment.
    pub(crate) fn number(&self, id: &str) -> Option<u32> {
        self.live.catalogue.index_of(id)
    }

    /// Returns the id of a product; empty for a number outside the assortment.
    pub(crate) fn id(&self, number: u32) -> &str {
        self.products()
            .get(number as usize)
            .map_or("", |product| &product.product_id)
    }
}

fn places(products: &[Product]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..products.len() as u32).collect();
    order.sort_unstable_by_key(|&number| products[number as usize].product_id.as_str());
    let mut places = vec![0; products.len()];
    for (number, place) in order.into_iter().zip(0_u32..) {
        places[number as usize] = place;
    }
    places
}
