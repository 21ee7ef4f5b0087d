//! What a model takes; `features` of its manifest.

use serde::{Deserialize, Serialize};

use crate::input::transform::Transform;

/// Which features a model takes, and how. Rows of the tensors follow the order given here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Numbers of the customer: one value each, and one more for each `observed_flag`.
    #[serde(default)]
    pub user_numbers: Vec<UserNumber>,
    /// Categories of the customer: one id each.
    #[serde(default)]
    pub user_categories: Vec<UserCategory>,
    /// Sequences of the customer: `length` ids each, and one number, `ln(1 + entries)`.
    #[serde(default)]
    pub user_sequences: Vec<UserSequence>,
    /// Numbers of the product: one value each.
    #[serde(default)]
    pub item_numbers: Vec<ItemNumber>,
    /// Buckets for the product's category within its kind; 0 leaves the category out. The
    /// product's own id, its place in the vocabulary, always comes first.
    #[serde(default)]
    pub item_category_buckets: u32,
}

/// One number of the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserNumber {
    /// A number feature of the purpose recommend.
    pub feature: String,
    /// What it goes through. A value that was not observed goes in with the feature's default.
    #[serde(default)]
    pub transform: Transform,
    /// Whether a second value says 1 where it was observed, 0 where not.
    #[serde(default)]
    pub observed_flag: bool,
}

/// One category of the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserCategory {
    /// A category feature of the purpose recommend.
    pub feature: String,
    /// Values are hashed to 1..=buckets; 0 stands for a missing one.
    pub buckets: u32,
}

/// One sequence of the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSequence {
    /// A sequence feature of the purpose recommend.
    pub feature: String,
    /// How many of the newest entries go in; shorter ones are filled up with 0.
    pub length: usize,
    /// Only entries of these kinds of event (`click`, `holding_opened`); empty means all.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// One number of the product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemNumber {
    /// Where it comes from.
    pub source: ItemSource,
    /// What it goes through.
    #[serde(default)]
    pub transform: Transform,
}

/// Where a number of a product comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSource {
    /// 1 for products of this kind (`cash_loan`), 0 for others. Never standardised.
    Kind(String),
    /// A term of the product; 0 where the kind has none.
    Term(ProductTerm),
    /// A product feature by name.
    Counter(String),
    /// `(numerator + rate * weight) / (denominator + weight)` of two product features: a rate that
    /// few observations cannot throw about.
    Ratio {
        /// A product feature, say `clicks_7d`.
        numerator: String,
        /// A product feature, say `impressions_7d`.
        denominator: String,
        /// What is assumed without observations.
        rate: f64,
        /// How many observations the assumption weighs.
        weight: f64,
    },
    /// Days since the product was listed.
    AgeDays,
}

/// A term of a product as a number. Amounts are in units of the currency, rates are fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductTerm {
    /// Smallest amount, limit, subscription or deposit.
    MinAmount,
    /// Largest amount or limit; the sum insured of a policy.
    MaxAmount,
    /// Shortest tenor in months.
    MinTenorMonths,
    /// Longest tenor in months.
    MaxTenorMonths,
    /// What is paid at the start: origination or subscription fee as a fraction.
    EntryFee,
    /// What is paid each year: annual fee of a card, lowest filed premium of a policy.
    YearlyFee,
    /// What is earned each year: yield of a deposit.
    Yield,
    /// Management fee that the distributor keeps.
    TrailingFee,
    /// Risk class of a fund, 1 to 5.
    RiskClass,
    /// Expected claims per policy and year.
    ClaimFrequency,
    /// Expected cost of one claim.
    ClaimSeverity,
    /// Contribution margin of one conversion where no price decides it.
    Margin,
}

impl ProductTerm {
    /// All of them, in the order of the default spec.
    pub const ALL: [Self; 12] = [
        Self::MinAmount,
        Self::MaxAmount,
        Self::MinTenorMonths,
        Self::MaxTenorMonths,
        Self::EntryFee,
        Self::YearlyFee,
        Self::Yield,
        Self::TrailingFee,
        Self::RiskClass,
        Self::ClaimFrequency,
        Self::ClaimSeverity,
        Self::Margin,
    ];

    /// Whether the values spread over powers of ten.
    pub(crate) const fn is_amount(self) -> bool {
        matches!(
            self,
            Self::MinAmount
                | Self::MaxAmount
                | Self::YearlyFee
                | Self::ClaimSeverity
                | Self::Margin
        )
    }
}
