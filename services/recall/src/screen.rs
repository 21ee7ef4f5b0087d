//! The filters: they decide which products may be candidates for this customer now, and why the
//! others may not. Every product is judged once and dropped by the first filter that it fails: the
//! kinds asked for, eligibility (`release::eligibility`, which the final slate applies again), the
//! cap on repetition.

use fairlead_proto::catalogue::v1::ProductKind;
use fairlead_proto::profile::v1::ShownCount;
use fairlead_proto::recall::v1::{Drop, DropCause};
use fairlead_release::eligibility::{self, EligibilityFacts};

use crate::assortment::Assortment;
use crate::bits::Bits;

/// The name of this service's own filter, applied after those of `eligibility::FILTERS`.
const REPETITION: &str = "repetition";

/// The inputs of the filters.
#[derive(Debug)]
pub(crate) struct Screen<'a> {
    /// The facts about the customer.
    pub(crate) facts: EligibilityFacts<'a>,
    /// The instant, Unix milliseconds.
    pub(crate) as_of_ms: i64,
    /// The kinds asked for; empty for all.
    pub(crate) kinds: &'a [i32],
    /// The recent impressions of products.
    pub(crate) shown: &'a [ShownCount],
    /// The number of impressions from which a product is not shown again; `None` is no cap.
    pub(crate) repetition_cap: Option<usize>,
}

/// The result of the filters.
#[derive(Debug)]
pub(crate) struct Screened {
    /// The products that may be candidates.
    pub(crate) allowed: Bits,
    /// The other products, in the order of the catalogue.
    pub(crate) drops: Vec<Drop>,
}

/// A product that reached the cap on repetition.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Capped {
    product: u32,
    detail: String,
}

impl Screen<'_> {
    /// Returns the names of the filters that every candidate has passed.
    pub(crate) fn filters_passed(&self) -> Vec<String> {
        let capped = self.repetition_cap.map(|_| REPETITION);
        let names = eligibility::FILTERS.iter().copied().chain(capped);
        names.map(str::to_owned).collect()
    }

    /// Applies the filters to every product of `assortment`.
    pub(crate) fn judge(&self, assortment: &Assortment) -> Screened {
        let verdicts = assortment.eligibility.judge(&self.facts, self.as_of_ms);
        let held = self
            .facts
            .held
            .iter()
            .filter_map(|id| assortment.number(id));
        let held: Bits = held.collect();
        let (shown, mut allowed) = (
            self.shown_too_often(assortment),
            Bits::none(assortment.length()),
        );
        let mut drops = Vec::new();
        for (product, number) in assortment.products().iter().zip(0_u32..) {
            let dropped = if self.asks_for(product.kind) {
                verdicts
                    .of(number, product, held.contains(number))
                    .map(|dropped| (dropped.cause, dropped.detail))
            } else {
                Some((DropCause::KindNotAsked, self.not_asked(product.kind)))
            };
            let dropped = dropped.or_else(|| {
                let at = shown
                    .binary_search_by_key(&number, |capped| capped.product)
                    .ok()?;
                Some((DropCause::RepetitionCap, shown[at].detail.clone()))
            });
            match dropped {
                None => allowed.insert(number),
                Some((cause, detail)) => drops.push(Drop {
                    product_id: product.product_id.clone(),
                    cause: cause.into(),
                    detail,
                }),
            }
        }
        Screened { allowed, drops }
    }

    /// Returns the products that reached the cap, ascending by number.
    fn shown_too_often(&self, assortment: &Assortment) -> Vec<Capped> {
        let Some(cap) = self.repetition_cap else {
            return Vec::new();
        };
        let mut too_often: Vec<Capped> = self
            .shown
            .iter()
            .filter(|shown| usize::try_from(shown.count).is_ok_and(|count| count >= cap))
            .filter_map(|shown| {
                Some(Capped {
                    product: assortment.number(&shown.product_id)?,
                    detail: format!("shown {} times in 7 days, {cap} allowed", shown.count),
                })
            })
            .collect();
        too_often.sort_unstable();
        too_often
    }

    fn asks_for(&self, kind: i32) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    fn not_asked(&self, kind: i32) -> String {
        let asked: Vec<&str> = self.kinds.iter().map(|&kind| name_of(kind)).collect();
        format!("{}, asked for {}", name_of(kind), asked.join(", "))
    }
}

fn name_of(kind: i32) -> &'static str {
    ProductKind::try_from(kind).unwrap_or_default().code()
}

#[cfg(test)]
mod tests;
