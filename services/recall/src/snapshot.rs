//! The snapshot that a request is answered from: one release, one model, one order of popularity. A
//! request takes it once; a later swap does not change its answer.

use std::sync::Arc;

use fairlead_chassis::clock::{Clock, full_minute};
use fairlead_online::ProductStates;
use fairlead_release::Live;
use fairlead_release_follow::{Models, Refreshed, Reports, Standing};

use crate::assortment::Assortment;
use crate::counters::Counters;
use crate::serving::Serving;
use crate::sources::item_to_item::Neighbours;
use crate::sources::popular::{Evidence, Popular};
use crate::tower::{ROLE, Tower};

/// The release, the model and the order of popularity that requests are answered from.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The release's products.
    pub(crate) assortment: Arc<Assortment>,
    /// The two-tower model in use: the release's, or an earlier one while that is loaded or
    /// because it was refused; `None` if the release names none or none was ever loaded.
    pub(crate) tower: Option<Arc<PlacedTower>>,
    /// The order of popularity.
    pub(crate) popular: Popular,
    /// The state of the release's model; `None` if it names none.
    standing: Option<Standing<Tower>>,
    /// The time of the last read of product counters, Unix milliseconds; 0 before the first.
    counters_read_ms: i64,
}

impl Snapshot {
    /// Returns the release and the model of this snapshot.
    pub(crate) fn serving(&self) -> Serving {
        let model_failure = match &self.standing {
            Some(Standing::Refused(reason)) => Some(reason.clone()),
            _ => None,
        };
        let model = self.tower.as_ref().map(|placed| &placed.tower.title);
        Serving {
            release_revision: self.assortment.live.revision(),
            model_version: model.cloned().unwrap_or_default(),
            model_failure,
            counters_read_ms: self.counters_read_ms,
        }
    }

    /// Reports whether the release's model was taken or refused, once that is known.
    pub(crate) fn report(&self, reports: &Reports) {
        let revision = self.assortment.live.revision();
        match &self.standing {
            None | Some(Standing::Ready(_)) => reports.taken(ROLE, revision),
            Some(Standing::Refused(reason)) => reports.refused(ROLE, revision, reason),
            Some(Standing::Loading) => {}
        }
    }
}

/// A two-tower model with its products found in an assortment.
#[derive(Debug)]
pub(crate) struct PlacedTower {
    /// The model.
    pub(crate) tower: Arc<Tower>,
    /// For each row of the index its product; `None` for one outside the assortment.
    pub(crate) product_of_row: Vec<Option<u32>>,
    /// The similar products of each product.
    pub(crate) neighbours: Neighbours,
    /// For each product its popularity in the training data.
    pub(crate) prior: Vec<f64>,
}

impl PlacedTower {
    /// Finds the model's products in `assortment`.
    fn new(tower: Arc<Tower>, assortment: &Assortment) -> Self {
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

/// Makes snapshots of the live release, its model and the product counters.
pub(crate) struct SnapshotBuilder {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) towers: Models<Tower>,
    pub(crate) states: Refreshed<ProductStates>,
    pub(crate) counters: Counters,
    /// The number of live counts that the popularity of training is worth.
    pub(crate) strength: f64,
}

impl SnapshotBuilder {
    /// Makes a snapshot of `live`; parts that are the same in `before` are taken from there.
    pub(crate) fn build(&self, live: &Arc<Live>, before: Option<&Snapshot>) -> Snapshot {
        let same = before.filter(|before| before.assortment.live.revision() == live.revision());
        let assortment = same.map_or_else(
            || Arc::new(Assortment::of(Arc::clone(live))),
            |same| Arc::clone(&same.assortment),
        );
        let named = live.model(ROLE, "");
        let standing = self
            .towers
            .standings(live.revision(), named.as_slice())
            .pop();
        // A release without a model is served without one; one whose model is being loaded, or was
        // refused, is served with the model before.
        let tower = match &standing {
            None => None,
            Some(Standing::Ready(tower)) => Some(Arc::clone(tower)),
            Some(Standing::Loading | Standing::Refused(_)) => before
                .and_then(|before| before.tower.as_ref())
                .map(|placed| Arc::clone(&placed.tower)),
        };
        let tower = tower.map(|tower| {
            same.and_then(|same| same.tower.as_ref())
                .filter(|placed| Arc::ptr_eq(&placed.tower, &tower))
                .map_or_else(
                    || Arc::new(PlacedTower::new(tower, &assortment)),
                    Arc::clone,
                )
        });
        let states = self.states.get();
        let now_ms = full_minute(self.clock.now_ms());
        let evidence = Evidence {
            counts: &self.counters.counts(&states, assortment.products(), now_ms),
            prior: tower.as_ref().map_or(&[], |placed| &placed.prior),
            strength: self.strength,
        };
        Snapshot {
            popular: Popular::new(evidence, &assortment.place_by_id),
            counters_read_ms: states.read_ms,
            assortment,
            tower,
            standing,
        }
    }
}
