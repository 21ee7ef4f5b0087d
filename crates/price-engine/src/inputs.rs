//! What a price is asked for.

use std::collections::BTreeMap;

use fairlead_domain::Money;

use crate::Features;

/// The campaign that stands for none: what a rate card's `campaign` column calls it.
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
    /// The amount; nothing lets the engine choose the largest that the customer can be offered.
    pub amount: Option<Money>,
    /// The tenor in months; nothing lets the engine choose the shortest that serves the amount.
    pub tenor_months: Option<i32>,
    /// The yearly rate of the customer's last quote for the product, ppm.
    pub last_rate_ppm: Option<i64>,
    /// The channel.
    pub channel: &'a str,
    /// The published segment, where one is known.
    pub segment: Option<&'a str>,
    /// The campaign; empty for none.
    pub campaign: &'a str,
    /// False prices with the strategy's standard segment and no campaign.
    pub personalised: bool,
    /// The instant of pricing, Unix milliseconds.
    pub as_of_ms: i64,
    /// Strategy versions that experiment arms ask for, by strategy.
    pub strategy_versions: &'a BTreeMap<String, i64>,
    /// The customer's features for the purpose price.
    pub features: &'a dyn Features,
}

impl std::fmt::Debug for Inputs<'_> {
    /// Without the customer's features.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Inputs")
            .field("product_id", &self.product_id)
            .field("amount", &self.amount)
            .field("tenor_months", &self.tenor_months)
            .field("as_of_ms", &self.as_of_ms)
            .finish_non_exhaustive()
    }
}

/// The inputs of a rate card, by allow-listed name; nothing else can reach a card.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CardInputs<'a> {
    pub(crate) product: &'a str,
    pub(crate) grade: Option<&'a str>,
    pub(crate) tenor: Option<i32>,
    pub(crate) amount: i64,
    pub(crate) channel: &'a str,
    pub(crate) segment: Option<&'a str>,
    pub(crate) campaign: &'a str,
}

impl<'a> CardInputs<'a> {
    /// Everything but grade, tenor and amount, with the standard card for who is not personalised.
    pub(crate) fn of(inputs: &Inputs<'a>, standard_segment: &'a str) -> Self {
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
            amount: 0,
            channel: inputs.channel,
            segment,
            campaign,
        }
    }

    /// Canonical text by name, for the record.
    pub(crate) fn as_text(&self, last_rate_ppm: Option<i64>) -> BTreeMap<String, String> {
        let mut text = BTreeMap::new();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                text.insert(name.to_owned(), value);
            }
        };
        put("product", Some(self.product.to_owned()));
        put("grade", self.grade.map(str::to_owned));
        put("tenor", self.tenor.map(|months| months.to_string()));
        put("amount", Some(self.amount.to_string()));
        put("channel", Some(self.channel.to_owned()));
        put("segment", self.segment.map(str::to_owned));
        put("campaign", Some(self.campaign.to_owned()));
        put("last_rate", last_rate_ppm.map(|rate| rate.to_string()));
        text
    }
}
