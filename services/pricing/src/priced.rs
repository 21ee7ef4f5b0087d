//! From the wire's item to the engine's inputs.

use fairlead_domain::{Currency, Money};
use fairlead_price_engine::{Features, Inputs};
use fairlead_proto::money::v1::Money as ProtoMoney;
use fairlead_proto::pricing::v1::{Price, PriceItem, PricingContext, Refusal, RefusalCause};

use crate::published::Pricing;

/// Prices one item at an instant.
pub(crate) fn price(
    pricing: &Pricing,
    (context, item): (&PricingContext, &PriceItem),
    features: &dyn Features,
    as_of_ms: i64,
) -> Result<Price, Box<Refusal>> {
    let amount = item.amount.as_ref().map(money).transpose()?;
    pricing.engine.price(&Inputs {
        product_id: &item.product_id,
        amount,
        tenor_months: (item.tenor_months != 0).then_some(item.tenor_months),
        last_rate_ppm: (item.last_rate_ppm != 0).then_some(item.last_rate_ppm),
        channel: &context.channel,
        segment: pricing.segment(context),
        campaign: &context.campaign,
        personalised: context.personalised,
        as_of_ms,
        strategy_versions: &context.strategy_versions,
        features,
    })
}

fn money(money: &ProtoMoney) -> Result<Money, Box<Refusal>> {
    match Currency::new(&money.currency) {
        Ok(currency) => Ok(Money::new(money.minor, currency)),
        Err(error) => Err(Box::new(Refusal {
            cause: RefusalCause::Currency.into(),
            detail: error.to_string(),
            ..Refusal::default()
        })),
    }
}

/// "price", or the cause of a refusal in lower case: a label of metrics.
pub(crate) fn outcome(priced: Result<&Price, &Refusal>) -> &'static str {
    match priced {
        Ok(_) => "price",
        Err(refusal) => refusal.cause().as_str_name(),
    }
}
