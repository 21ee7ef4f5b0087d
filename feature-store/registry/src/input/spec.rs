//! The inputs of a model: `features` of its manifest.

use serde::{Deserialize, Serialize};

use crate::input::transform::Transform;

/// The features that a model takes, with their transforms. The columns of the tensors follow the
/// order given here.
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
    /// product's own id, from the vocabulary, always comes first.
    #[serde(default)]
    pub item_category_buckets: u32,
}

/// One number of the customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserNumber {
    /// A number feature of the purpose recommend.
    pub feature: String,
    /// Its transform. A value that was not observed enters as the feature's default.
    #[serde(default)]
    pub transform: Transform,
    /// Adds a second value if true: 1 if the feature was observed, else 0.
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
    /// The number of newest entries that enter; a shorter sequence is padded with 0.
    pub length: usize,
    /// The kinds of event that count (`click`, `holding_opened`); empty means all.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// One number of the product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemNumber {
    /// Its source.
    pub source: ItemSource,
    /// Its transform.
    #[serde(default)]
    pub transform: Transform,
}

/// The source of a number of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSource {
    /// 1 for products of this kind (`cash_loan`), 0 for others; never standardised.
    Kind(String),
    /// A term of the product; 0 if the kind has none.
    Term(ProductTerm),
    /// A product feature by name.
    Counter(String),
    /// `(numerator + rate * weight) / (denominator + weight)` of two product features: a rate that
    /// a few observations change little.
    Ratio {
        /// A product feature, such as `clicks_7d`.
        numerator: String,
        /// A product feature, such as `impressions_7d`.
        denominator: String,
        /// The rate assumed without observations.
        rate: f64,
        /// The number of observations that the assumed rate is worth.
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
    /// The fee paid at the start: origination or subscription fee as a fraction.
    EntryFee,
    /// The fee paid each year: annual fee of a card, lowest filed premium of a policy.
    YearlyFee,
    /// The yearly yield of a deposit.
    Yield,
    /// Management fee that the distributor keeps.
    TrailingFee,
    /// Risk class of a fund, 1 to 5.
    RiskClass,
    /// Expected claims per policy and year.
    ClaimFrequency,
    /// Expected cost of one claim.
    ClaimSeverity,
    /// Contribution margin of one conversion that no price decides.
    Margin,
}

impl ProductTerm {
    /// All terms, in the order of the default spec.
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

    /// Returns true if the values spread over powers of ten.
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
