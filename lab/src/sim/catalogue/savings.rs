//! Funds of the five risk classes, and deposits.

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{
    DepositTerms, Eligibility, FundTerms, Product, ProductKind, RedemptionFee,
};

use super::{ProductDraft, ProductLine, line, of_lines, yuan};

/// Terms of a line of funds.
#[derive(Debug, Clone, Copy)]
struct FundLine {
    risk_class: i32,
    /// Full subscription fee, ppm.
    fee: i64,
    /// Trailing fee, ppm a year.
    trailing: i64,
    /// Smallest amount in yuan.
    least: i64,
    /// Pricing strategy; empty for that of all funds.
    strategy: &'static str,
}

const fn fund(
    risk_class: i32,
    fee: i64,
    trailing: i64,
    least: i64,
    strategy: &'static str,
) -> FundLine {
    FundLine {
        risk_class,
        fee,
        trailing,
        least,
        strategy,
    }
}

const MONEY_MARKET: &str = "fund-money-market";
const INDEX_OR_BOND: &str = "fund-index-bond";

/// Full fees are those of fund contracts: zero for money-market funds, 0.8 % for bond funds, 1.2 %
/// to 1.5 % for mixed and equity funds, as a rule.
const FUNDS: &[(ProductLine, FundLine)] = &[
    (
        line("money-market", "Money Market Fund 活期宝"),
        fund(1, 0, 1_500, 1, MONEY_MARKET),
    ),
    (
        line("short-bond", "Short Bond Fund 短债"),
        fund(2, 4_000, 2_000, 10, INDEX_OR_BOND),
    ),
    (
        line("bond", "Bond Fund 纯债"),
        fund(2, 8_000, 3_000, 10, INDEX_OR_BOND),
    ),
    (
        line("balanced", "Balanced Fund 稳健混合"),
        fund(3, 12_000, 5_000, 10, ""),
    ),
    (
        line("pension-target", "Pension Target Fund 养老目标"),
        fund(3, 10_000, 4_000, 10, ""),
    ),
    (
        line("dividend", "Dividend Fund 红利精选"),
        fund(3, 12_000, 5_000, 10, ""),
    ),
    (
        line("index", "CSI 300 Index Fund 沪深300"),
        fund(4, 10_000, 2_500, 10, INDEX_OR_BOND),
    ),
    (
        line("equity", "Growth Equity Fund 成长股票"),
        fund(4, 15_000, 6_000, 10, ""),
    ),
    (
        line("gold", "Gold Fund 黄金"),
        fund(4, 8_000, 3_000, 10, ""),
    ),
    (
        line("technology", "Technology Fund 科技先锋"),
        fund(5, 15_000, 6_000, 10, ""),
    ),
    (
        line("overseas", "Overseas Fund 环球"),
        fund(5, 15_000, 6_000, 100, ""),
    ),
];

/// Terms of a line of deposits.
#[derive(Debug, Clone, Copy)]
struct DepositLine {
    months: i32,
    /// Yield, ppm a year.
    rate: i64,
    /// Smallest amount in yuan.
    least: i64,
}

const fn deposit(months: i32, rate: i64, least: i64) -> DepositLine {
    DepositLine {
        months,
        rate,
        least,
    }
}

/// Yields near the listed rates of the large banks since May 2025 (1 year 0.95 %, 3 years 1.25 %,
/// 5 years 1.30 %), smaller banks somewhat above.
const DEPOSITS: &[(ProductLine, DepositLine)] = &[
    (line("demand", "Demand Deposit 活期"), deposit(0, 2_000, 1)),
    (
        line("3-months", "3-Month Deposit 三月存"),
        deposit(3, 8_500, 50),
    ),
    (
        line("6-months", "6-Month Deposit 半年存"),
        deposit(6, 10_000, 50),
    ),
    (
        line("1-year", "1-Year Deposit 一年存"),
        deposit(12, 11_500, 50),
    ),
    (
        line("3-years", "3-Year Deposit 三年存"),
        deposit(36, 14_500, 50),
    ),
    (
        line("5-years", "5-Year Deposit 五年存"),
        deposit(60, 15_500, 50),
    ),
    (
        line("certificate", "Large Certificate 大额存单"),
        deposit(24, 15_000, 200_000),
    ),
];

/// Returns the redemption fees of a fund's contract.
fn redemption_fees(risk_class: i32) -> Vec<RedemptionFee> {
    let steps: &[(i32, i64)] = match risk_class {
        1 => &[],
        2 => &[(0, 15_000), (7, 1_000), (30, 0)],
        _ => &[(0, 15_000), (7, 7_500), (30, 5_000), (365, 2_500), (730, 0)],
    };
    steps
        .iter()
        .map(|(from_days, fee_ppm)| RedemptionFee {
            from_days: *from_days,
            fee_ppm: *fee_ppm,
        })
        .collect()
}

/// Returns the funds. A customer may buy one repeatedly.
pub(super) fn funds(seed: u64) -> Vec<Product> {
    of_lines(FUNDS, seed, |mut draft, fund| {
        let terms = Terms::Fund(FundTerms {
            risk_class: fund.risk_class,
            subscription_fee_ppm: if fund.fee == 0 {
                0
            } else {
                draft.vary(fund.fee, 0.2, 500)
            },
            min_amount: yuan(fund.least),
            redemption_fees: redemption_fees(fund.risk_class),
            trailing_fee_ppm: draft.vary(fund.trailing, 0.2, 100),
        });
        let eligibility = Eligibility {
            min_age_years: Some(18),
            repeatable: true,
            ..Eligibility::default()
        };
        Product {
            strategy_id: fund.strategy.to_owned(),
            ..draft.finish(ProductKind::Fund, terms, eligibility)
        }
    })
}

/// Returns the deposits, from the age of sixteen on.
pub(super) fn deposits(seed: u64) -> Vec<Product> {
    of_lines(DEPOSITS, seed, |mut draft: ProductDraft, deposit| {
        let yield_ppm = draft.vary(deposit.rate, 0.1, 100);
        let terms = Terms::Deposit(DepositTerms {
            yield_ppm,
            tenor_months: deposit.months,
            min_amount: yuan(deposit.least),
        });
        let eligibility = Eligibility {
            min_age_years: Some(16),
            repeatable: true,
            ..Eligibility::default()
        };
        Product {
            margin_minor: draft.vary(4_000, 0.5, 100),
            ..draft.finish(ProductKind::Deposit, terms, eligibility)
        }
    })
}
