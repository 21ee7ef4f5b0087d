//! Pricing credit: loans, instalment plans and cards.
//!
//! A card is priced as a loan of its expected balance (utilisation times the limit) for twelve
//! months with interest monthly, its annual fee kept at the start. Floor, cap, points, limit and
//! all-in cost are the same arithmetic as a loan's.

mod grade;
mod itemise;
mod lending;
mod plan;

pub(crate) use grade::Graded;
pub(crate) use lending::Lending;
pub(crate) use plan::{CostCache, CreditPlan, TenorPlan};
