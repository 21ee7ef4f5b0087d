//! A small release: the default strategies and law, and a handful of products.

use std::collections::BTreeMap;

use fairlead_domain::{Currency, Money};
use fairlead_price_engine::{Accepted, Engine, FeatureMap, Features, Inputs, Source, defaults};
use fairlead_proto::catalogue::v1::{
    CardTerms, DepositTerms, FundTerms, InsuranceTerms, LoanTerms, Product, ProductKind,
    RedemptionFee, RepaymentMethod, product::Terms,
};
use fairlead_proto::control::v1::Release;
use fairlead_proto::money::v1::Money as ProtoMoney;
use fairlead_proto::pricing::v1::Price;

/// 2026-11-23 in Beijing.
pub(crate) const NOW_MS: i64 = 1_795_363_200_000;

pub(crate) fn cny(minor: i64) -> Option<ProtoMoney> {
    Some(ProtoMoney {
        minor,
        currency: "CNY".to_owned(),
    })
}

fn product(id: &str, kind: ProductKind, terms: Terms) -> Product {
    Product {
        product_id: id.to_owned(),
        name: id.to_owned(),
        kind: kind.into(),
        currency: "CNY".to_owned(),
        active: true,
        terms: Some(terms),
        ..Product::default()
    }
}

pub(crate) fn loan(id: &str, repayment: RepaymentMethod, fee_ppm: i64) -> Product {
    let terms = LoanTerms {
        min_amount: cny(100_000),
        max_amount: cny(20_000_000),
        amount_step_minor: 10_000,
        tenors_months: vec![3, 6, 12, 24, 36],
        repayment: repayment.into(),
        origination_fee_ppm: fee_ppm,
    };
    product(id, ProductKind::CashLoan, Terms::Loan(terms))
}

pub(crate) fn card(id: &str, annual_fee: i64) -> Product {
    let terms = CardTerms {
        min_limit: cny(300_000),
        max_limit: cny(10_000_000),
        limit_step_minor: 50_000,
        annual_fee: cny(annual_fee),
    };
    product(id, ProductKind::CreditCard, Terms::Card(terms))
}

fn fund(id: &str) -> Product {
    let terms = FundTerms {
        risk_class: 3,
        subscription_fee_ppm: 15_000,
        min_amount: cny(1_000),
        redemption_fees: [(0, 5_000), (365, 0)]
            .map(|(from_days, fee_ppm)| RedemptionFee { from_days, fee_ppm })
            .to_vec(),
        trailing_fee_ppm: 4_000,
    };
    product(id, ProductKind::Fund, Terms::Fund(terms))
}

fn deposit(id: &str) -> Product {
    let terms = DepositTerms {
        yield_ppm: 15_000,
        tenor_months: 12,
        min_amount: cny(5_000),
    };
    product(id, ProductKind::Deposit, Terms::Deposit(terms))
}

fn insurance(id: &str) -> Product {
    let terms = InsuranceTerms {
        claim_frequency_ppm: 20_000,
        claim_severity: cny(500_000),
        filed_min_premium: cny(5_000),
        filed_max_premium: cny(50_000),
        sum_insured: cny(10_000_000),
    };
    product(id, ProductKind::Insurance, Terms::Insurance(terms))
}

pub(crate) fn products() -> Vec<Product> {
    let mut plan = loan("PLAN", RepaymentMethod::EqualPrincipal, 0);
    plan.kind = ProductKind::InstalmentPlan.into();
    vec![
        loan("LOAN", RepaymentMethod::Annuity, 0),
        loan("LOAN-FEE", RepaymentMethod::Annuity, 10_000),
        loan("BULLET", RepaymentMethod::Bullet, 0),
        plan,
        card("CARD", 0),
        card("CARD-FEE", 10_000),
        fund("FUND"),
        deposit("DEPOSIT"),
        insurance("INSURANCE"),
    ]
}

pub(crate) fn release() -> Release {
    let mut release = defaults::settings().expect("default settings read");
    release.strategies = defaults::strategies().expect("default strategies read");
    release.catalogue = Some(fairlead_proto::catalogue::v1::Catalogue {
        products: products(),
    });
    release
}

pub(crate) fn engine() -> Engine {
    compile(&release())
}

pub(crate) fn compile(release: &Release) -> Engine {
    Engine::compile(&Source::of_release(release)).expect("the release compiles")
}

/// A customer of grade B with room for any loan.
pub(crate) fn customer() -> FeatureMap {
    FeatureMap::default()
        .with_number("bureau_score", 700.0)
        .with_number("debt_to_income_ppm", 250_000.0)
        .with_number("delinquencies_2y", 0.0)
        .with_number("inquiries_12m", 0.0)
        .with_number("revolving_utilisation_ppm", 200_000.0)
        .with_number("credit_history_months", 200.0)
        .with_number("income_monthly_minor", 5_000_000.0)
        .with_number("debt_service_monthly_minor", 100_000.0)
        .with_number("exposure_elsewhere_minor", 0.0)
}

static NO_VERSIONS: BTreeMap<String, i64> = BTreeMap::new();

/// A request for the standard rate card's price in the app, now.
pub(crate) fn ask<'a>(
    product_id: &'a str,
    amount: Option<i64>,
    tenor_months: Option<i32>,
    features: &'a dyn Features,
) -> Inputs<'a> {
    Inputs {
        product_id,
        amount: amount.map(|minor| Money::new(minor, Currency::CNY)),
        tenor_months,
        last_rate_ppm: None,
        accepted: Accepted::default(),
        channel: "app",
        segment: Some("standard"),
        campaign: "",
        personalised: true,
        as_of_ms: NOW_MS,
        strategy_versions: &NO_VERSIONS,
        features,
    }
}

/// The level or contribution of a waterfall's step.
pub(crate) fn step(price: &Price, name: &str) -> i64 {
    let found = price.waterfall.iter().find(|step| step.name == name);
    found
        .unwrap_or_else(|| panic!("no step {name} in {:?}", price.waterfall))
        .ppm
}

pub(crate) fn minor(money: Option<&ProtoMoney>) -> i64 {
    money.expect("an amount").minor
}

/// The internal rate of return, annualised, by bisection: nothing shared with the engine's.
pub(crate) fn all_in(net: i64, payments: &[i64]) -> f64 {
    let (mut low, mut high) = (-0.5_f64, 5.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        let value = payments
            .iter()
            .rev()
            .fold(0.0, |sum, payment| (sum + *payment as f64) / (1.0 + middle));
        if value > net as f64 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (1.0 + low).powi(12) - 1.0
}

pub(crate) fn payments(price: &Price) -> Vec<i64> {
    price
        .schedule
        .iter()
        .map(|one| one.principal_minor + one.interest_minor)
        .collect()
}
