//! The terms of a product as numbers.

use fairlead_domain::Currency;
use fairlead_proto::catalogue::v1::{Product, product::Terms};
use fairlead_proto::money::v1::Money;

use crate::input::spec::ProductTerm;

const PPM: f64 = 1e-6;

/// Returns the term, or 0 if the kind of product has none.
pub(crate) fn term(product: &Product, term: ProductTerm) -> f64 {
    let unit = minor_unit(&product.currency);
    if term == ProductTerm::Margin {
        return product.margin_minor as f64 * unit;
    }
    let amount = |money: &Option<Money>| money.as_ref().map_or(0.0, |m| m.minor as f64 * unit);
    let Some(terms) = &product.terms else {
        return 0.0;
    };
    match (term, terms) {
        (ProductTerm::MinAmount, Terms::Loan(loan)) => amount(&loan.min_amount),
        (ProductTerm::MinAmount, Terms::Card(card)) => amount(&card.min_limit),
        (ProductTerm::MinAmount, Terms::Fund(fund)) => amount(&fund.min_amount),
        (ProductTerm::MinAmount, Terms::Deposit(deposit)) => amount(&deposit.min_amount),
        (ProductTerm::MaxAmount, Terms::Loan(loan)) => amount(&loan.max_amount),
        (ProductTerm::MaxAmount, Terms::Card(card)) => amount(&card.max_limit),
        (ProductTerm::MaxAmount, Terms::Insurance(policy)) => amount(&policy.sum_insured),
        (ProductTerm::MinTenorMonths, Terms::Loan(loan)) => loan
            .tenors_months
            .iter()
            .min()
            .copied()
            .map_or(0.0, f64::from),
        (ProductTerm::MaxTenorMonths, Terms::Loan(loan)) => loan
            .tenors_months
            .iter()
            .max()
            .copied()
            .map_or(0.0, f64::from),
        (ProductTerm::MinTenorMonths | ProductTerm::MaxTenorMonths, Terms::Deposit(deposit)) => {
            f64::from(deposit.tenor_months)
        }
        (ProductTerm::EntryFee, Terms::Loan(loan)) => loan.origination_fee_ppm as f64 * PPM,
        (ProductTerm::EntryFee, Terms::Fund(fund)) => fund.subscription_fee_ppm as f64 * PPM,
        (ProductTerm::YearlyFee, Terms::Card(card)) => amount(&card.annual_fee),
        (ProductTerm::YearlyFee, Terms::Insurance(policy)) => amount(&policy.filed_min_premium),
        (ProductTerm::Yield, Terms::Deposit(deposit)) => deposit.yield_ppm as f64 * PPM,
        (ProductTerm::TrailingFee, Terms::Fund(fund)) => fund.trailing_fee_ppm as f64 * PPM,
        (ProductTerm::RiskClass, Terms::Fund(fund)) => f64::from(fund.risk_class),
        (ProductTerm::ClaimFrequency, Terms::Insurance(policy)) => {
            policy.claim_frequency_ppm as f64 * PPM
        }
        (ProductTerm::ClaimSeverity, Terms::Insurance(policy)) => amount(&policy.claim_severity),
        _ => 0.0,
    }
}

/// Returns the value of one minor unit in units of the currency: 0.01 for most.
fn minor_unit(currency: &str) -> f64 {
    let digits = Currency::new(currency).map_or(2, Currency::minor_digits);
    1.0 / f64::from(10_u32.pow(digits.min(9)))
}

#[cfg(test)]
mod tests {
    use fairlead_proto::catalogue::v1::{FundTerms, LoanTerms};

    use super::*;

    fn money(minor: i64) -> Money {
        Money {
            minor,
            currency: "CNY".into(),
        }
    }

    fn close(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-9
    }

    #[test]
    fn each_kind_has_its_own_terms() {
        let loan = Product {
            currency: "CNY".into(),
            margin_minor: 12_345,
            terms: Some(Terms::Loan(LoanTerms {
                min_amount: Some(money(100_000)),
                max_amount: Some(money(5_000_000)),
                tenors_months: vec![3, 6, 12],
                origination_fee_ppm: 15_000,
                ..LoanTerms::default()
            })),
            ..Product::default()
        };
        assert!(close(term(&loan, ProductTerm::MinAmount), 1_000.0));
        assert!(close(term(&loan, ProductTerm::MaxTenorMonths), 12.0));
        assert!(close(term(&loan, ProductTerm::EntryFee), 0.015));
        assert!(close(term(&loan, ProductTerm::RiskClass), 0.0));
        assert!(close(term(&loan, ProductTerm::Margin), 123.45));
        let fund = Product {
            currency: "JPY".into(),
            terms: Some(Terms::Fund(FundTerms {
                risk_class: 4,
                min_amount: Some(money(10_000)),
                ..FundTerms::default()
            })),
            ..Product::default()
        };
        assert!(close(term(&fund, ProductTerm::RiskClass), 4.0));
        assert!(close(term(&fund, ProductTerm::MinAmount), 10_000.0));
    }
}
