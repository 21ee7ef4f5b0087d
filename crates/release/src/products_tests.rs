//! Products that pass, and each fault of one that does not.

use fairlead_proto::catalogue::v1::{
    CardTerms, DepositTerms, FundTerms, InsuranceTerms, LoanTerms, ProductKind, RedemptionFee,
    RepaymentMethod,
};
use fairlead_proto::money::v1::Money;

use super::*;

#[expect(
    clippy::unnecessary_wraps,
    reason = "a field of a message may be absent"
)]
fn cny(minor: i64) -> Option<Money> {
    Some(Money {
        minor,
        currency: "CNY".to_owned(),
    })
}

fn product(id: &str, kind: ProductKind, terms: Terms) -> Product {
    Product {
        product_id: id.to_owned(),
        name: format!("Product {id}"),
        kind: kind.into(),
        category: "plain".to_owned(),
        currency: "CNY".to_owned(),
        active: true,
        listed_at_ms: 1_000,
        terms: Some(terms),
        ..Product::default()
    }
}

pub(crate) fn loan(id: &str) -> Product {
    let terms = LoanTerms {
        min_amount: cny(100_000),
        max_amount: cny(20_000_000),
        amount_step_minor: 10_000,
        tenors_months: vec![3, 6, 12],
        repayment: RepaymentMethod::Annuity.into(),
        origination_fee_ppm: 0,
    };
    product(id, ProductKind::CashLoan, Terms::Loan(terms))
}

pub(crate) fn fund(id: &str, risk_class: i32) -> Product {
    let terms = FundTerms {
        risk_class,
        subscription_fee_ppm: 12_000,
        min_amount: cny(1_000),
        redemption_fees: vec![
            RedemptionFee {
                from_days: 0,
                fee_ppm: 15_000,
            },
            RedemptionFee {
                from_days: 7,
                fee_ppm: 5_000,
            },
        ],
        trailing_fee_ppm: 2_500,
    };
    product(id, ProductKind::Fund, Terms::Fund(terms))
}

pub(crate) fn deposit(id: &str) -> Product {
    let terms = DepositTerms {
        yield_ppm: 15_000,
        tenor_months: 12,
        min_amount: cny(5_000),
    };
    product(id, ProductKind::Deposit, Terms::Deposit(terms))
}

fn card(id: &str) -> Product {
    let terms = CardTerms {
        min_limit: cny(100_000),
        max_limit: cny(5_000_000),
        limit_step_minor: 100_000,
        annual_fee: cny(0),
    };
    product(id, ProductKind::CreditCard, Terms::Card(terms))
}

fn insurance(id: &str) -> Product {
    let terms = InsuranceTerms {
        claim_frequency_ppm: 30_000,
        claim_severity: cny(400_000),
        filed_min_premium: cny(10_000),
        filed_max_premium: cny(60_000),
        sum_insured: cny(10_000_000),
    };
    product(id, ProductKind::Insurance, Terms::Insurance(terms))
}

#[test]
fn one_product_of_each_kind_passes() {
    let plan = Product {
        kind: ProductKind::InstalmentPlan.into(),
        ..loan("IP-1")
    };
    for product in [
        loan("CL-1"),
        plan,
        card("CC-1"),
        fund("F-1", 5),
        deposit("D-1"),
        insurance("I-1"),
    ] {
        assert_eq!(check_product(&product), []);
    }
}

type Change = fn(&mut Product);

fn loan_terms(product: &mut Product) -> &mut LoanTerms {
    match &mut product.terms {
        Some(Terms::Loan(terms)) => terms,
        other => panic!("loan terms, not {other:?}"),
    }
}

fn fund_terms(product: &mut Product) -> &mut FundTerms {
    match &mut product.terms {
        Some(Terms::Fund(terms)) => terms,
        other => panic!("fund terms, not {other:?}"),
    }
}

/// A change, and the field and the rule of the findings that follow.
const REFUSED_LOANS: &[(Change, &str, Rule)] = &[
    (
        |p| p.product_id = "a b".to_owned(),
        "product_id",
        Rule::Syntax,
    ),
    (|p| p.name = "\u{7}".to_owned(), "name", Rule::Syntax),
    (|p| p.name = "  ".to_owned(), "name", Rule::Missing),
    (|p| p.tags = vec!["x".repeat(201)], "tags", Rule::Syntax),
    (|p| p.listed_at_ms = -1, "listed_at_ms", Rule::Range),
    (|p| p.margin_minor = i64::MIN, "margin_minor", Rule::Range),
    (|p| p.kind = 0, "kind", Rule::Missing),
    (|p| p.kind = 77, "kind", Rule::Missing),
    (
        |p| p.kind = ProductKind::Fund.into(),
        "terms",
        Rule::Contradiction,
    ),
    (|p| p.terms = None, "terms", Rule::Missing),
    (
        |p| loan_terms(p).min_amount = None,
        "loan.min_amount",
        Rule::Missing,
    ),
    (
        |p| loan_terms(p).min_amount = cny(-5),
        "loan.min_amount",
        Rule::Range,
    ),
    (
        |p| loan_terms(p).max_amount = cny(i64::MAX),
        "loan.max_amount",
        Rule::Range,
    ),
    (
        |p| loan_terms(p).max_amount = cny(90_000),
        "loan.max_amount",
        Rule::Contradiction,
    ),
    (
        |p| {
            loan_terms(p).max_amount = Some(Money {
                minor: 20_000_000,
                currency: "USD".to_owned(),
            });
        },
        "loan.max_amount",
        Rule::Currency,
    ),
    (
        |p| loan_terms(p).amount_step_minor = 0,
        "loan.amount_step_minor",
        Rule::Range,
    ),
    (
        |p| loan_terms(p).amount_step_minor = 40_000_000,
        "loan.amount_step_minor",
        Rule::Contradiction,
    ),
    (
        |p| loan_terms(p).tenors_months.clear(),
        "loan.tenors_months",
        Rule::Missing,
    ),
    (
        |p| loan_terms(p).tenors_months.push(481),
        "loan.tenors_months",
        Rule::Range,
    ),
    (
        |p| loan_terms(p).tenors_months.push(12),
        "loan.tenors_months",
        Rule::Contradiction,
    ),
    (
        |p| loan_terms(p).repayment = 0,
        "loan.repayment",
        Rule::Missing,
    ),
    (
        |p| loan_terms(p).origination_fee_ppm = 1_000_000,
        "loan.origination_fee_ppm",
        Rule::Range,
    ),
];

const REFUSED_FUNDS: &[(Change, &str, Rule)] = &[
    (
        |p| fund_terms(p).risk_class = 6,
        "fund.risk_class",
        Rule::Range,
    ),
    (
        |p| fund_terms(p).subscription_fee_ppm = -1,
        "fund.subscription_fee_ppm",
        Rule::Range,
    ),
    (
        |p| fund_terms(p).redemption_fees.reverse(),
        "fund.redemption_fees",
        Rule::Contradiction,
    ),
    (
        |p| fund_terms(p).redemption_fees[0].fee_ppm = 1_000_001,
        "fund.redemption_fees.fee_ppm",
        Rule::Range,
    ),
    (
        |p| fund_terms(p).trailing_fee_ppm = -1,
        "fund.trailing_fee_ppm",
        Rule::Range,
    ),
];

#[test]
fn each_fault_is_found_by_its_field() {
    let tables = [
        (loan("P-1"), REFUSED_LOANS),
        (fund("P-1", 3), REFUSED_FUNDS),
    ];
    for (good, table) in tables {
        for (change, field, rule) in table {
            let mut bad = good.clone();
            change(&mut bad);
            let findings = check_product(&bad);
            assert!(!findings.is_empty(), "{field}: nothing was found");
            for finding in findings {
                assert!(
                    finding.thing.ends_with(&format!(": {field}")),
                    "{field}: {finding}"
                );
                assert_eq!(finding.rule, *rule, "{finding}");
            }
        }
    }
}

#[test]
fn the_wrong_currency_of_a_product_is_found_with_every_amount() {
    let findings = check_product(&Product {
        currency: "yuan".to_owned(),
        ..insurance("I-1")
    });
    assert_eq!(findings.len(), 5, "{findings:?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding.rule == Rule::Currency)
    );
}

#[test]
fn eligibility_must_be_satisfiable() {
    let eligibility = Eligibility {
        min_age_years: Some(60),
        max_age_years: Some(30),
        min_income_monthly_minor: Some(-1),
        regions: vec!["north".to_owned(), "north".to_owned(), " ".to_owned()],
        ..Eligibility::default()
    };
    let product = Product {
        eligibility: Some(eligibility),
        ..deposit("D-1")
    };
    let found: Vec<(Rule, String)> = check_product(&product)
        .into_iter()
        .map(|finding| {
            (
                finding.rule,
                finding.thing.replace("product \"D-1\": eligibility.", ""),
            )
        })
        .collect();
    let expected = [
        (Rule::Contradiction, "max_age_years"),
        (Rule::Range, "min_income_monthly_minor"),
        (Rule::Duplicate, "regions"),
        (Rule::Missing, "regions"),
    ]
    .map(|(rule, field)| (rule, field.to_owned()));
    assert_eq!(found, expected);
}
