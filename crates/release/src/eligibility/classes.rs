//! Products that the rules treat alike, judged once for all of them.
//!
//! A catalogue has many products and few sets of bounds. [`reduced`] keeps what the rules of
//! [`judge`] read of a product; it stands beside them, because a rule that reads one more field
//! must be mirrored there.

use std::collections::HashMap;

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{FundTerms, Product};
use prost::Message as _;

use super::{Dropped, EligibilityFacts, judge};

/// The products of one catalogue in classes of equal verdicts.
#[derive(Debug, Clone, Default)]
pub struct EligibilityClasses {
    /// One reduced product for each class.
    classes: Vec<Product>,
    /// For each product its class.
    class_of: Vec<u32>,
}

impl EligibilityClasses {
    /// Groups the products of a catalogue, numbered by their place in it.
    pub fn new(products: &[Product]) -> Self {
        let mut classes = Vec::new();
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        let class_of = products
            .iter()
            .map(|product| {
                let reduced = reduced(product);
                *known.entry(reduced.encode_to_vec()).or_insert_with(|| {
                    classes.push(reduced);
                    classes.len() as u32 - 1
                })
            })
            .collect();
        Self { classes, class_of }
    }

    /// Judges every class for one customer at an instant (Unix milliseconds).
    pub fn judge<'c>(
        &'c self,
        facts: &'c EligibilityFacts<'c>,
        as_of_ms: i64,
    ) -> ClassVerdicts<'c> {
        let verdict = |class| judge(class, facts, as_of_ms).err();
        ClassVerdicts {
            class_of: &self.class_of,
            facts,
            as_of_ms,
            verdicts: self.classes.iter().map(verdict).collect(),
        }
    }
}

/// The verdicts on the classes of a catalogue for one customer.
#[derive(Debug)]
pub struct ClassVerdicts<'c> {
    class_of: &'c [u32],
    facts: &'c EligibilityFacts<'c>,
    as_of_ms: i64,
    verdicts: Vec<Option<Dropped>>,
}

impl ClassVerdicts<'_> {
    /// Returns the rule that decides against `product`, number `number` of the catalogue, or
    /// `None` if the customer may be shown it: the verdict of [`judge`]. `held` says whether the
    /// customer holds the product.
    pub fn of(&self, number: u32, product: &Product, held: bool) -> Option<Dropped> {
        if held || !product.active || product.listed_at_ms > self.as_of_ms {
            // What the class leaves out decides.
            return judge(product, self.facts, self.as_of_ms).err();
        }
        self.verdicts[self.class_of[number as usize] as usize].clone()
    }
}

/// Returns the product reduced to what the rules read of products that are active, listed and not held:
/// all products with the same reduction get the same verdict. It has no id, so that nobody holds
/// it.
fn reduced(product: &Product) -> Product {
    let terms = match &product.terms {
        Some(Terms::Fund(fund)) => Some(Terms::Fund(FundTerms {
            risk_class: fund.risk_class,
            ..FundTerms::default()
        })),
        _ => None,
    };
    Product {
        kind: product.kind,
        currency: product.currency.clone(),
        active: true,
        eligibility: product.eligibility.clone(),
        listed_at_ms: i64::MIN,
        terms,
        ..Product::default()
    }
}

#[cfg(test)]
mod tests {
    use fairlead_proto::catalogue::v1::Eligibility;
    use proptest::prelude::*;

    use super::*;
    use crate::products::tests::{deposit, fund};

    const NOW_MS: i64 = 1_760_000_000_000;

    fn any_eligibility() -> impl Strategy<Value = Eligibility> {
        let names = |names: [&str; 2]| {
            proptest::sample::subsequence(names.map(str::to_owned).to_vec(), 0..=2)
        };
        (
            proptest::option::of(18_i32..40),
            proptest::option::of(20_i32..42),
            proptest::option::of(0_i64..3),
            names(["BJ", "SH"]),
            names(["salaried", "student"]),
            any::<[bool; 2]>(),
        )
            .prop_map(
                |(min, max, income, regions, employment, flags)| Eligibility {
                    min_age_years: min,
                    max_age_years: max,
                    min_income_monthly_minor: income,
                    regions,
                    employment,
                    new_customers_only: flags[0],
                    repeatable: flags[1],
                },
            )
    }

    fn any_product() -> impl Strategy<Value = Product> {
        let listed = prop_oneof![4 => Just(1_000), 1 => Just(NOW_MS + 1)];
        let active = proptest::bool::weighted(0.9);
        (
            0_i32..=5,
            active,
            listed,
            proptest::option::of(any_eligibility()),
        )
            .prop_map(|(risk_class, active, listed_at_ms, eligibility)| Product {
                active,
                listed_at_ms,
                eligibility,
                ..if risk_class == 0 {
                    deposit("x")
                } else {
                    fund("x", risk_class)
                }
            })
    }

    proptest! {
        /// Products of one class share one verdict; it must be the one that each gets alone.
        #[test]
        fn a_product_gets_the_verdict_of_judge(
            mut products in proptest::collection::vec(any_product(), 1..40),
            age_years in proptest::option::of(17_i32..44),
            income_monthly_minor in proptest::option::of(0_i64..4),
            region in prop_oneof![Just(""), Just("BJ"), Just("SH")],
            employment in prop_oneof![Just(""), Just("salaried"), Just("student")],
            suitability_class in 0_i32..6,
            held in proptest::collection::vec(0_usize..40, 0..4),
        ) {
            for (number, product) in products.iter_mut().enumerate() {
                product.product_id = format!("P-{number}");
            }
            let held: Vec<String> = held.iter().map(|number| format!("P-{number}")).collect();
            let facts = EligibilityFacts {
                age_years,
                income_monthly_minor,
                region,
                employment,
                suitability_class,
                held: held.iter().map(String::as_str).collect(),
            };
            let classes = EligibilityClasses::new(&products);
            let verdicts = classes.judge(&facts, NOW_MS);
            for (product, number) in products.iter().zip(0_u32..) {
                let held = facts.held.contains(product.product_id.as_str());
                let alone = judge(product, &facts, NOW_MS).err();
                prop_assert_eq!(verdicts.of(number, product, held), alone);
            }
        }
    }

    #[test]
    fn products_with_the_same_bounds_are_judged_once() {
        let products = [
            fund("F-1", 2),
            fund("F-2", 2),
            fund("F-3", 3),
            deposit("D-1"),
        ];
        let classes = EligibilityClasses::new(&products);
        assert_eq!(classes.class_of, [0, 0, 1, 2]);
    }
}
