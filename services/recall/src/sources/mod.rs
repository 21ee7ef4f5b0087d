//! The sources of candidates: each is a function from what it needs to a list, best first,
//! of products that passed the filters. Pure, save for the two-tower search.

pub(crate) mod campaign;
pub(crate) mod item_to_item;
pub(crate) mod newest;
pub(crate) mod popular;
pub(crate) mod two_tower;
