//! Everything that one request reads: one release, one model, one order of popularity. A request
//! takes the snapshot once; what is swapped meanwhile does not concern it.

use std::sync::Arc;

use crate::assortment::Assortment;
use crate::sources::item_to_item::Neighbours;
use crate::sources::popular::Popular;
use crate::tower::Tower;

/// What requests are answered from.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The release's products.
    pub(crate) assortment: Arc<Assortment>,
    /// The two-tower model; `None` where the release names none or it was never loaded.
    pub(crate) placed: Option<Arc<Placed>>,
    /// The order of popularity.
    pub(crate) popular: Arc<Popular>,
}

/// A two-tower model with its products found on a assortment.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The model.
    pub(crate) tower: Arc<Tower>,
    /// For each row of the index its product; `None` for one that the assortment does not have.
    pub(crate) product_of_row: Vec<Option<u32>>,
    /// What goes with what.
    pub(crate) neighbours: Neighbours,
    /// For each product its popularity in the training data.
    pub(crate) prior: Vec<f64>,
}

impl Placed {
    /// Finds the model's products on `assortment`.
    pub(crate) fn new(tower: Arc<Tower>, assortment: &Assortment) -> Self {
        let number = |id: &str| assortment.number(id);
        let weight = |id: &str| tower.companions.popularity.get(id).copied().unwrap_or(0.0);
        let products = assortment.products().iter();
        Self {
            product_of_row: tower.row_ids().iter().map(|id| number(id)).collect(),
            neighbours: Neighbours::new(
                &tower.companions.item_to_item,
                assortment.length(),
                number,
            ),
            prior: products
                .map(|product| weight(&product.product_id))
                .collect(),
            tower,
        }
    }
}
