//! The sources of candidates. Each returns a list of products that passed the filters, best first.
//! All but the two-tower search are pure.

pub(crate) mod campaign;
pub(crate) mod item_to_item;
pub(crate) mod newest;
pub(crate) mod popular;
pub(crate) mod two_tower;
