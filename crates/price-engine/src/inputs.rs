//! The inputs of a price.

use std::collections::BTreeMap;

use fairlead_domain::{Currency, Money, RatePpm};

use crate::Features;

/// The label of no campaign in a rate card's `campaign` column.
pub const NO_CAMPAIGN: &str = "none";

/// One product to price for one customer.
///
/// The price proper (rate, premium, fee) follows from the allow-listed inputs alone: product,
/// grade, tenor, amount, channel, segment and campaign, with the last quote's rate as a guardrail.
/// Features enter only through the grade and the limit.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The product.
    pub product_id: &'a str,
    /// The amount, or `None` for the largest that the customer can be offered.
    pub amount: Option<Money>,
    /// The tenor in months, or `None` for the shortest that serves the amount.
    pub tenor_months: Option<i32>,
    /// The yearly rate of the customer's last quote for the product, ppm, as the caller gives it;
    /// one that is no rate is refused.
    pub last_rate_ppm: Option<i64>,
    /// The lending that the customer accepted here and that no statement of the bank covers yet.
    pub accepted: Accepted,
    /// The channel.
    pub channel: &'a str,
    /// The published segment, or `None` where it is not known.
    pub segment: Option<&'a str>,
    /// The campaign, empty for none.
    pub campaign: &'a str,
    /// True where the customer's segment and campaign may be used; else the price is by the
    /// strategy's standard segment and no campaign.
    pub personalised: bool,
    /// The instant of pricing, Unix milliseconds.
    pub as_of_ms: i64,
    /// The strategy versions that experiment arms ask for, by strategy.
    pub strategy_versions: &'a BTreeMap<String, i64>,
    /// The customer's features for the purpose price.
    pub features: &'a dyn Features,
}

/// Accepted lending beside what the features say, minor units of the product's currency; not negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The exposure.
    pub exposure_minor: i64,
    /// The debt service a month.
    pub monthly_minor: i64,
}

impl Accepted {
    /// Returns the inputs that are not zero, by name, for the record.
    pub(crate) fn as_text(self) -> impl Iterator<Item = (&'static str, String)> {
        let inputs = [
            ("accepted_exposure", self.exposure_minor),
            ("accepted_debt_service", self.monthly_minor),
        ];
        let taken = inputs.into_iter().filter(|(_, minor)| *minor != 0);
        taken.map(|(name, minor)| (name, minor.to_string()))
    }
}

impl std::fmt::Debug for Inputs<'_> {
    /// Leaves out the customer's features.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Inputs")
            .field("product_id", &self.product_id)
            .field("amount", &self.amount)
            .field("tenor_months", &self.tenor_months)
            .field("as_of_ms", &self.as_of_ms)
            .finish_non_exhaustive()
    }
}

/// The inputs of a rate card, by allow-listed name; no other input can reach a card.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CardInputs<'a> {
    pub(crate) product: &'a str,
    pub(crate) grade: Option<&'a str>,
    pub(crate) tenor: Option<i32>,
    pub(crate) amount: Money,
    pub(crate) channel: &'a str,
    pub(crate) segment: Option<&'a str>,
    pub(crate) campaign: &'a str,
}

impl<'a> CardInputs<'a> {
    /// Returns the inputs that are known before grade, tenor and amount. A customer who is not
    /// personalised has the standard segment and no campaign.
    pub(crate) fn new(inputs: &Inputs<'a>, standard_segment: &'a str, currency: Currency) -> Self {
        let campaign = if inputs.campaign.is_empty() || !inputs.personalised {
            NO_CAMPAIGN
        } else {
            inputs.campaign
        };
        let segment = if inputs.personalised {
            inputs.segment
        } else {
            Some(standard_segment).filter(|segment| !segment.is_empty())
        };
        Self {
            product: inputs.product_id,
            grade: None,
            tenor: None,
            amount: Money::new(0, currency),
            channel: inputs.channel,
            segment,
            campaign,
        }
    }

    /// Returns canonical text by name, for the record.
    pub(crate) fn as_text(&self, last_rate: Option<RatePpm>) -> BTreeMap<String, String> {
        let inputs = [
            ("product", Some(self.product.to_owned())),
            ("grade", self.grade.map(str::to_owned)),
            ("tenor", self.tenor.map(|months| months.to_string())),
            ("amount", Some(self.amount.minor().to_string())),
            ("channel", Some(self.channel.to_owned())),
            ("segment", self.segment.map(str::to_owned)),
            ("campaign", Some(self.campaign.to_owned())),
            ("last_rate", last_rate.map(|rate| rate.ppm().to_string())),
        ];
        let mut text = BTreeMap::new();
        for (name, value) in inputs {
            if let Some(value) = value {
                text.insert(name.to_owned(), value);
            }
        }
        text
    }
}
