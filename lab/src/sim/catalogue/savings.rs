//! Funds of the five risk classes, and deposits.

use fairlead_proto::catalogue::v1::product::Terms;
use fairlead_proto::catalogue::v1::{
    DepositTerms, Eligibility, FundTerms, Product, ProductKind, RedemptionFee,
};

use super::{Line, Making, line, of_lines, yuan};

/// A line of funds: risk class, full subscription fee and trailing fee in ppm, smallest amount in
/// yuan, pricing strategy (empty: that of all funds).
type Fund = (i32, i64, i64, i64, &'static str);

const MONEY_MARKET: &str = "fund-money-market";
const INDEX_OR_BOND: &str = "fund-index-bond";

/// Full fees are those of fund contracts: nothing for money-market funds, 0.8 % for bond funds,
/// 1.2 % to 1.5 % for mixed and equity funds, as a rule.
const FUNDS: &[(Line, Fund)] = &[
    (
        line("money-market", "Money Market Fund 活期宝"),
        (1, 0, 1_500, 1, MONEY_MARKET),
    ),
    (
        line("short-bond", "Short Bond Fund 短债"),
        (2, 4_000, 2_000, 10, INDEX_OR_BOND),
    ),
    (
        line("bond", "Bond Fund 纯债"),
        (2, 8_000, 3_000, 10, INDEX_OR_BOND),
    ),
    (
        line("balanced", "Balanced Fund 稳健混合"),
        (3, 12_000, 5_000, 10, ""),
    ),
    (
        line("pension-target", "Pension Target Fund 养老目标"),
        (3, 10_000, 4_000, 10, ""),
    ),
    (
        line("dividend", "Dividend Fund 红利精选"),
        (3, 12_000, 5_000, 10, ""),
    ),
    (
        line("index", "CSI 300 Index Fund 沪深300"),
        (4, 10_000, 2_500, 10, INDEX_OR_BOND),
    ),
    (
        line("equity", "Growth Equity Fund 成长股票"),
        (4, 15_000, 6_000, 10, ""),
    ),
    (line("gold", "Gold Fund 黄金"), (4, 8_000, 3_000, 10, "")),
    (
        line("technology", "Technology Fund 科技先锋"),
        (5, 15_000, 6_000, 10, ""),
    ),
    (
        line("overseas", "Overseas Fund 环球"),
        (5, 15_000, 6_000, 100, ""),
    ),
];

/// A line of deposits: months, yield in ppm, smallest amount in yuan.
type Deposit = (i32, i64, i64);

/// Yields near the listed rates of the large banks since May 2025 (1 year 0.95 %, 3 years 1.25 %,
/// 5 years 1.30 %), smaller banks somewhat above.
const DEPOSITS: &[(Line, Deposit)] = &[
    (line("demand", "Demand Deposit 活期"), (0, 2_000, 1)),
    (line("3-months", "3-Month Deposit 三月存"), (3, 8_500, 50)),
    (line("6-months", "6-Month Deposit 半年存"), (6, 10_000, 50)),
    (line("1-year", "1-Year Deposit 一年存"), (12, 11_500, 50)),
    (line("3-years", "3-Year Deposit 三年存"), (36, 14_500, 50)),
    (line("5-years", "5-Year Deposit 五年存"), (60, 15_500, 50)),
    (
        line("certificate", "Large Certificate 大额存单"),
        (24, 15_000, 200_000),
    ),
];

/// The redemption fees of a fund's own contract.
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

/// Funds; one may be bought again and again.
pub(super) fn funds(seed: u64) -> Vec<Product> {
    of_lines(
        FUNDS,
        seed,
        |mut making, (risk_class, fee, trailing, least, strategy)| {
            let terms = Terms::Fund(FundTerms {
                risk_class,
                subscription_fee_ppm: if fee == 0 {
                    0
                } else {
                    making.around(fee, 0.2, 500)
                },
                min_amount: yuan(least),
                redemption_fees: redemption_fees(risk_class),
                trailing_fee_ppm: making.around(trailing, 0.2, 100),
            });
            let eligibility = Eligibility {
                min_age_years: Some(18),
                repeatable: true,
                ..Eligibility::default()
            };
            Product {
                strategy_id: strategy.to_owned(),
                ..making.finish((ProductKind::Fund, "fund"), terms, eligibility)
            }
        },
    )
}

/// Deposits, from the age of sixteen on.
pub(super) fn deposits(seed: u64) -> Vec<Product> {
    of_lines(
        DEPOSITS,
        seed,
        |mut making: Making, (months, rate, least)| {
            let yield_ppm = making.around(rate, 0.1, 100);
            let terms = Terms::Deposit(DepositTerms {
                yield_ppm,
                tenor_months: months,
                min_amount: yuan(least),
            });
            let eligibility = Eligibility {
                min_age_years: Some(16),
                repeatable: true,
                ..Eligibility::default()
            };
            Product {
                margin_minor: making.around(4_000, 0.5, 100),
                ..making.finish((ProductKind::Deposit, "deposit"), terms, eligibility)
            }
        },
    )
}
