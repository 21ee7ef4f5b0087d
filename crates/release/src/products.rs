//! What a product must satisfy.

use std::collections::BTreeSet;

use fairlead_domain::{Currency, ProductId};
use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{
    CardTerms, DepositTerms, Eligibility, FundTerms, InsuranceTerms, LoanTerms, Product,
    ProductKind, RepaymentMethod,
};
use fairlead_proto::money::v1::Money;

use crate::finding::{Finding, Rule};

/// The largest amount in a catalogue, minor units: 10^14 leaves room to multiply by any rate.
const MAX_MINOR: i64 = 100_000_000_000_000;
/// The longest tenor, months: 40 years.
const MAX_TENOR: i32 = 480;
/// The whole, in parts per million.
const WHOLE_PPM: i64 = 1_000_000;
/// The longest name, category or tag, in characters.
const MAX_TEXT: usize = 200;

/// Everything that is wrong with one product by itself.
pub fn check_product(product: &Product) -> Vec<Finding> {
    let mut check = Check {
        product,
        findings: Vec::new(),
    };
    check.header();
    if let Some(eligibility) = &product.eligibility {
        check.eligibility(eligibility);
    }
    check.terms();
    check.findings
}

struct Check<'p> {
    product: &'p Product,
    findings: Vec<Finding>,
}

impl Check<'_> {
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
        if let Err(error) = Currency::new(&product.currency) {
            self.find(Rule::Currency, "currency", &product.currency, error.allowed);
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

    /// The amount in minor units, where it is there, in the product's currency, and in range.
    fn money(&mut self, field: &str, amount: Option<&Money>, least: i64) -> Option<i64> {
        let currency = &self.product.currency;
        let Some(amount) = amount else {
            let allowed = format!("an amount of at least {least} minor units in {currency}");
            self.find(Rule::Missing, field, "", allowed);
            return None;
        };
        if amount.currency != *currency {
            let allowed = format!("{currency}, the product's currency");
            self.find(Rule::Currency, field, &amount.currency, allowed);
            return None;
        }
        self.number(field, amount.minor, least, MAX_MINOR);
        (least..=MAX_MINOR)
            .contains(&amount.minor)
            .then_some(amount.minor)
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

    fn terms(&mut self) {
        let product = self.product;
        match (product.kind(), &product.terms) {
            (ProductKind::CashLoan | ProductKind::InstalmentPlan, Some(Terms::Loan(terms))) => {
                self.loan(terms);
            }
            (ProductKind::CreditCard, Some(Terms::Card(terms))) => self.card(terms),
            (ProductKind::Fund, Some(Terms::Fund(terms))) => self.fund(terms),
            (ProductKind::Deposit, Some(Terms::Deposit(terms))) => self.deposit(terms),
            (ProductKind::Insurance, Some(Terms::Insurance(terms))) => self.insurance(terms),
            (ProductKind::Unspecified, _) => {
                let allowed = "one of the six kinds, as PRODUCT_KIND_CASH_LOAN (1) to \
                               PRODUCT_KIND_INSURANCE (6)";
                self.find(Rule::Missing, "kind", product.kind, allowed);
            }
            (kind, None) => self.find(Rule::Missing, "terms", "", needed_terms(kind)),
            (kind, Some(terms)) => {
                let allowed = format!("{}, for kind {}", needed_terms(kind), kind.as_str_name());
                self.find(Rule::Contradiction, "terms", name_of(terms), allowed);
            }
        }
    }

    fn loan(&mut self, terms: &LoanTerms) {
        let least = self.money("loan.min_amount", terms.min_amount.as_ref(), 1);
        let most = self.money("loan.max_amount", terms.max_amount.as_ref(), 1);
        self.ordered("loan.max_amount", least, most);
        self.step(
            "loan.amount_step_minor",
            terms.amount_step_minor,
            [least, most],
        );
        if terms.tenors_months.is_empty() {
            let allowed = format!("at least one tenor, 1 to {MAX_TENOR} months");
            self.find(Rule::Missing, "loan.tenors_months", "", allowed);
        }
        for tenor in &terms.tenors_months {
            self.number("loan.tenors_months", *tenor, 1, MAX_TENOR.into());
        }
        if !terms.tenors_months.is_sorted_by(|one, next| one < next) {
            let value = format!("{:?}", terms.tenors_months);
            self.find(
                Rule::Contradiction,
                "loan.tenors_months",
                value,
                "ascending, each once",
            );
        }
        if terms.repayment() == RepaymentMethod::Unspecified {
            let allowed = "REPAYMENT_METHOD_ANNUITY (1), _EQUAL_PRINCIPAL (2) or _BULLET (3)";
            self.find(Rule::Missing, "loan.repayment", terms.repayment, allowed);
        }
        self.number(
            "loan.origination_fee_ppm",
            terms.origination_fee_ppm,
            0,
            WHOLE_PPM - 1,
        );
    }

    fn card(&mut self, terms: &CardTerms) {
        let least = self.money("card.min_limit", terms.min_limit.as_ref(), 1);
        let most = self.money("card.max_limit", terms.max_limit.as_ref(), 1);
        self.ordered("card.max_limit", least, most);
        self.step(
            "card.limit_step_minor",
            terms.limit_step_minor,
            [least, most],
        );
        self.money("card.annual_fee", terms.annual_fee.as_ref(), 0);
    }

    fn fund(&mut self, terms: &FundTerms) {
        self.number("fund.risk_class", terms.risk_class, 1, 5);
        self.number(
            "fund.subscription_fee_ppm",
            terms.subscription_fee_ppm,
            0,
            WHOLE_PPM - 1,
        );
        self.money("fund.min_amount", terms.min_amount.as_ref(), 0);
        self.number(
            "fund.trailing_fee_ppm",
            terms.trailing_fee_ppm,
            0,
            WHOLE_PPM,
        );
        for step in &terms.redemption_fees {
            self.number(
                "fund.redemption_fees.from_days",
                step.from_days,
                0,
                i32::MAX.into(),
            );
            self.number("fund.redemption_fees.fee_ppm", step.fee_ppm, 0, WHOLE_PPM);
        }
        if !terms
            .redemption_fees
            .is_sorted_by(|one, next| one.from_days < next.from_days)
        {
            let days: Vec<i32> = terms
                .redemption_fees
                .iter()
                .map(|step| step.from_days)
                .collect();
            let allowed = "ascending in from_days, each once";
            self.find(
                Rule::Contradiction,
                "fund.redemption_fees",
                format!("{days:?}"),
                allowed,
            );
        }
    }

    fn deposit(&mut self, terms: &DepositTerms) {
        self.number("deposit.yield_ppm", terms.yield_ppm, 0, WHOLE_PPM);
        self.number(
            "deposit.tenor_months",
            terms.tenor_months,
            0,
            MAX_TENOR.into(),
        );
        self.money("deposit.min_amount", terms.min_amount.as_ref(), 0);
    }

    fn insurance(&mut self, terms: &InsuranceTerms) {
        // A policy with more than a hundred claims a year is a mistake of units.
        self.number(
            "insurance.claim_frequency_ppm",
            terms.claim_frequency_ppm,
            0,
            100 * WHOLE_PPM,
        );
        self.money("insurance.claim_severity", terms.claim_severity.as_ref(), 0);
        let least = self.money(
            "insurance.filed_min_premium",
            terms.filed_min_premium.as_ref(),
            0,
        );
        let most = self.money(
            "insurance.filed_max_premium",
            terms.filed_max_premium.as_ref(),
            1,
        );
        self.ordered("insurance.filed_max_premium", least, most);
        self.money("insurance.sum_insured", terms.sum_insured.as_ref(), 1);
    }

    fn ordered(&mut self, field: &str, least: Option<i64>, most: Option<i64>) {
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            let allowed = format!("at least the smallest, {least}");
            self.find(Rule::Contradiction, field, most, allowed);
        }
    }

    /// A step that the smallest and the largest amount are multiples of.
    fn step(&mut self, field: &str, step: i64, bounds: [Option<i64>; 2]) {
        self.number(field, step, 1, MAX_MINOR);
        for bound in bounds.into_iter().flatten() {
            if step >= 1 && bound % step != 0 {
                let allowed = format!("a divisor of the smallest and the largest, {bound}");
                self.find(Rule::Contradiction, field, step, allowed);
            }
        }
    }
}

fn needed_terms(kind: ProductKind) -> &'static str {
    match kind {
        ProductKind::CashLoan | ProductKind::InstalmentPlan => "loan terms",
        ProductKind::CreditCard => "card terms",
        ProductKind::Fund => "fund terms",
        ProductKind::Deposit => "deposit terms",
        ProductKind::Insurance => "insurance terms",
        ProductKind::Unspecified => "terms of the kind",
    }
}

fn name_of(terms: &Terms) -> &'static str {
    match terms {
        Terms::Loan(_) => "loan terms",
        Terms::Card(_) => "card terms",
        Terms::Fund(_) => "fund terms",
        Terms::Deposit(_) => "deposit terms",
        Terms::Insurance(_) => "insurance terms",
    }
}

#[cfg(test)]
#[path = "products_tests.rs"]
pub(crate) mod tests;
