//! Eligibility: the rules on which customers may be shown a product, one list of them, applied in
//! recall and again on the final slate.
//!
//! A bound whose input is unknown does not pass: a product for adults is not shown to a customer
//! whose age is unknown.
//!
//! # Suitability
//! Funds carry a risk class R1 (lowest) to R5, customers a tested class C1 (most conservative)
//! to C5. The matching rule is that of the Asset Management Association of China, *Guidelines
//! for fund-raising institutions on investor suitability* (基金募集机构投资者适当性管理实施指引（试行）,
//! 中基协发〔2017〕4号, in force with the securities regulator's Order No. 130 since 1 July 2017):
//! C1 may buy R1, C2 up to R2, and so on to C5 and R5. Who was never assessed is treated as the
//! most conservative: nothing above R1.

mod classes;

use std::collections::HashSet;

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Eligibility, Product};
use fairlead_proto::profile::v1::Profile;
use fairlead_proto::recall::v1::DropCause;

pub use classes::{ClassVerdicts, EligibilityClasses};

/// The filters that a product has passed when [`judge`] lets it through, as `Candidate` names
/// them.
pub const FILTERS: [&str; 4] = ["active", "eligible", "suitable", "not_held"];

/// The facts of a customer that the rules read.
#[derive(Debug, Clone, Default)]
pub struct EligibilityFacts<'a> {
    /// Age in full years; `None` when unknown.
    pub age_years: Option<i32>,
    /// Verified monthly income, minor units of the product's currency; `None` when unknown.
    pub income_monthly_minor: Option<i64>,
    /// Region; empty when unknown.
    pub region: &'a str,
    /// Kind of employment; empty when unknown.
    pub employment: &'a str,
    /// Tested suitability class 1 (C1) to 5 (C5); 0 when never assessed.
    pub suitability_class: i32,
    /// Ids of the products held now.
    pub held: HashSet<&'a str>,
}

impl<'a> EligibilityFacts<'a> {
    /// Returns the facts of a profile.
    pub fn from_profile(profile: &'a Profile) -> Self {
        Self {
            age_years: profile.age_years,
            income_monthly_minor: profile.income_monthly_minor,
            region: &profile.region,
            employment: &profile.employment,
            suitability_class: profile.suitability_class,
            held: profile
                .held_product_ids
                .iter()
                .map(String::as_str)
                .collect(),
        }
    }
}

/// The rule by which a product may not be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The rule that decided: one of [`rules`].
    pub rule: &'static str,
    /// Its cause on the wire.
    pub cause: DropCause,
    /// The comparison, in words.
    pub detail: String,
}

/// Returns what was compared if the rule decides against the product, or `None`.
type Decides = fn(&Product, &EligibilityFacts<'_>, i64) -> Option<String>;

struct EligibilityRule {
    name: &'static str,
    cause: DropCause,
    decides: Decides,
}

/// The rules in the order in which they are applied: the first that decides is the answer.
const RULES: [EligibilityRule; 10] = [
    EligibilityRule {
        name: "withdrawn",
        cause: DropCause::Inactive,
        decides: withdrawn,
    },
    EligibilityRule {
        name: "not_yet_listed",
        cause: DropCause::Inactive,
        decides: not_yet_listed,
    },
    EligibilityRule {
        name: "min_age",
        cause: DropCause::Ineligible,
        decides: min_age,
    },
    EligibilityRule {
        name: "max_age",
        cause: DropCause::Ineligible,
        decides: max_age,
    },
    EligibilityRule {
        name: "min_income",
        cause: DropCause::Ineligible,
        decides: min_income,
    },
    EligibilityRule {
        name: "region",
        cause: DropCause::Ineligible,
        decides: region,
    },
    EligibilityRule {
        name: "employment",
        cause: DropCause::Ineligible,
        decides: employment,
    },
    EligibilityRule {
        name: "new_customers_only",
        cause: DropCause::Ineligible,
        decides: new_customers_only,
    },
    EligibilityRule {
        name: "suitability",
        cause: DropCause::Unsuitable,
        decides: suitability,
    },
    EligibilityRule {
        name: "already_held",
        cause: DropCause::AlreadyHeld,
        decides: already_held,
    },
];

/// Returns the names of the rules, in the order in which they are applied.
pub fn rules() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.name)
}

/// Judges whether a customer may be shown a product at an instant (Unix milliseconds), and returns
/// the filters that the product has passed.
///
/// # Errors
/// The first rule that decides against the product.
pub fn judge(
    product: &Product,
    facts: &EligibilityFacts<'_>,
    as_of_ms: i64,
) -> Result<&'static [&'static str], Dropped> {
    for EligibilityRule {
        name,
        cause,
        decides,
    } in &RULES
    {
        if let Some(detail) = decides(product, facts, as_of_ms) {
            return Err(Dropped {
                rule: name,
                cause: *cause,
                detail,
            });
        }
    }
    Ok(&FILTERS)
}

/// Returns the highest fund risk class (1 to 5) for a suitability class: the class itself, and 1 if
/// it was never assessed (0). A class that does not exist allows no fund: it gives 0.
pub fn highest_risk_class(suitability_class: i32) -> i32 {
    match suitability_class {
        0 => 1,
        1..=5 => suitability_class,
        _ => 0,
    }
}

fn bounds(product: &Product) -> Option<&Eligibility> {
    product.eligibility.as_ref()
}

fn withdrawn(product: &Product, _: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    (!product.active).then(|| "withdrawn from the catalogue".to_owned())
}

fn not_yet_listed(product: &Product, _: &EligibilityFacts<'_>, as_of_ms: i64) -> Option<String> {
    let listed = product.listed_at_ms;
    (listed > as_of_ms).then(|| format!("listed from {listed} ms, asked at {as_of_ms} ms"))
}

fn min_age(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    let least = bounds(product)?.min_age_years?;
    match facts.age_years {
        None => Some(format!("age unknown, {least} or older needed")),
        Some(age) => (age < least).then(|| format!("age {age}, {least} or older needed")),
    }
}

fn max_age(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    let most = bounds(product)?.max_age_years?;
    match facts.age_years {
        None => Some(format!("age unknown, {most} or younger needed")),
        Some(age) => (age > most).then(|| format!("age {age}, {most} or younger needed")),
    }
}

fn min_income(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    let least = bounds(product)?.min_income_monthly_minor?;
    match facts.income_monthly_minor {
        None => Some(format!("monthly income unknown, {least} needed")),
        Some(income) => {
            (income < least).then(|| format!("monthly income {income}, {least} needed"))
        }
    }
}

fn region(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    outside("region", facts.region, &bounds(product)?.regions)
}

fn employment(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    outside("employment", facts.employment, &bounds(product)?.employment)
}

/// Returns what was compared if names are served and the customer's is not among them.
fn outside(what: &str, of_customer: &str, served: &[String]) -> Option<String> {
    if served.is_empty() || served.iter().any(|name| name == of_customer) {
        return None;
    }
    let has = if of_customer.is_empty() {
        "unknown"
    } else {
        of_customer
    };
    Some(format!("{what} {has}, served: {}", served.join(", ")))
}

fn new_customers_only(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    let only_new = bounds(product)?.new_customers_only;
    (only_new && !facts.held.is_empty())
        .then(|| format!("for new customers, {} products held", facts.held.len()))
}

fn suitability(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    let Some(Terms::Fund(fund)) = &product.terms else {
        return None;
    };
    let class = facts.suitability_class;
    let allowed = highest_risk_class(class);
    (fund.risk_class > allowed).then(|| match class {
        0 => format!("fund R{}, R1 at most before an assessment", fund.risk_class),
        _ => format!("fund R{}, customer C{class}", fund.risk_class),
    })
}

fn already_held(product: &Product, facts: &EligibilityFacts<'_>, _: i64) -> Option<String> {
    let repeatable = bounds(product).is_some_and(|bounds| bounds.repeatable);
    (!repeatable && facts.held.contains(product.product_id.as_str()))
        .then(|| "held already, and not repeatable".to_owned())
}

#[cfg(test)]
mod tests;
