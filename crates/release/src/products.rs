//! The checks of a product by itself.

use std::collections::BTreeSet;

use fairlead_domain::ProductId;
use fairlead_price_engine::check_terms;
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{Eligibility, Product};

use crate::finding::{Finding, Rule};

/// The largest amount in a catalogue, minor units: 10^14 leaves room to multiply by any rate.
const MAX_MINOR: i64 = 100_000_000_000_000;
/// The longest name, category or tag, in characters.
const MAX_TEXT: usize = 200;

/// Returns every finding on a product, its terms included.
pub fn check_product(product: &Product) -> Vec<Finding> {
    let mut findings = check_listing(product);
    findings.extend(check_terms(product).into_iter().map(Finding::from));
    findings
}

/// Returns every finding on a product but those on its kind, currency and terms, which the price
/// engine reads.
pub(crate) fn check_listing(product: &Product) -> Vec<Finding> {
    let mut check = ProductCheck {
        product,
        findings: Vec::new(),
    };
    check.header();
    if let Some(eligibility) = &product.eligibility {
        check.eligibility(eligibility);
    }
    check.risk_class();
    check.findings
}

struct ProductCheck<'p> {
    product: &'p Product,
    findings: Vec<Finding>,
}

impl ProductCheck<'_> {
    fn find(&mut self, rule: Rule, field: &str, value: impl ToString, allowed: impl Into<String>) {
        let thing = format!("product {:?}: {field}", self.product.product_id);
        self.findings
            .push(Finding::error(rule, thing, value, allowed));
    }

    fn header(&mut self) {
        let product = self.product;
        if let Err(error) = ProductId::new(&product.product_id) {
            self.find(
                Rule::Syntax,
                "product_id",
                &product.product_id,
                error.allowed,
            );
        }
        if product.name.trim().is_empty() {
            self.find(Rule::Missing, "name", "", "the name that customers see");
        }
        self.text("name", &product.name);
        self.text("category", &product.category);
        for tag in &product.tags {
            self.text("tags", tag);
        }
        self.number("listed_at_ms", product.listed_at_ms, 0, i64::MAX);
        self.number("margin_minor", product.margin_minor, -MAX_MINOR, MAX_MINOR);
    }

    fn text(&mut self, field: &str, text: &str) {
        if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
            let allowed = format!("at most {MAX_TEXT} characters without control characters");
            self.find(Rule::Syntax, field, text, allowed);
        }
    }

    fn number(&mut self, field: &str, value: impl Into<i64>, least: i64, most: i64) {
        let value = value.into();
        if !(least..=most).contains(&value) {
            self.find(Rule::Range, field, value, format!("{least} to {most}"));
        }
    }

    fn eligibility(&mut self, eligibility: &Eligibility) {
        let Eligibility {
            min_age_years,
            max_age_years,
            ..
        } = *eligibility;
        let ages = [
            ("min_age_years", min_age_years),
            ("max_age_years", max_age_years),
        ];
        for (field, age) in ages {
            self.number(&format!("eligibility.{field}"), age.unwrap_or(0), 0, 150);
        }
        if let (Some(least), Some(most)) = (min_age_years, max_age_years)
            && least > most
        {
            let allowed = format!("at least min_age_years, {least}");
            self.find(
                Rule::Contradiction,
                "eligibility.max_age_years",
                most,
                allowed,
            );
        }
        let income = eligibility.min_income_monthly_minor.unwrap_or(0);
        self.number("eligibility.min_income_monthly_minor", income, 0, MAX_MINOR);
        for (field, names) in [
            ("regions", &eligibility.regions),
            ("employment", &eligibility.employment),
        ] {
            let field = format!("eligibility.{field}");
            let mut seen = BTreeSet::new();
            for name in names {
                if name.trim().is_empty() {
                    self.find(Rule::Missing, &field, "", "names that are not empty");
                } else if !seen.insert(name) {
                    self.find(Rule::Duplicate, &field, name, "each name once");
                }
            }
        }
    }

    /// Checks the risk class, which the price engine does not read: suitability does.
    fn risk_class(&mut self) {
        if let Some(Terms::Fund(terms)) = &self.product.terms {
            self.number("fund.risk_class", terms.risk_class, 1, 5);
        }
    }
}

#[cfg(test)]
#[path = "products_tests.rs"]
pub(crate) mod tests;
