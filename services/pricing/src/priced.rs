//! From the wire's item to the engine's inputs, and from the engine's price to the wire's answer.

use fairlead_domain::{Currency, Money};
use fairlead_price_engine::{Accepted, Features, Inputs, StrategyPrice};
use fairlead_proto::money::v1::Money as ProtoMoney;
use fairlead_proto::pricing::v1::{
    PriceItem, Priced, PricingContext, Refusal, RefusalCause, TakeUp, priced::Outcome,
};

use crate::argument::PriceFeatures;
use crate::published::Published;

/// One item to price, at an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ItemRequest<'a> {
    pub(crate) context: &'a PricingContext,
    pub(crate) item: &'a PriceItem,
    /// The customer's features, read from the context.
    pub(crate) features: &'a PriceFeatures<'a>,
    /// The meaning of the customer's earlier quotes and acceptances for this price.
    pub(crate) standing: Standing,
    pub(crate) as_of_ms: i64,
}

/// The meaning of a customer's earlier quotes and acceptances for the price of one product.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// The yearly rate of the last firm quote for the product, ppm; `None` where there is none.
    pub(crate) last_rate_ppm: Option<i64>,
    /// The accepted lending that the bank's statements do not cover.
    pub(crate) accepted: Accepted,
}

/// Prices one item, or refuses to.
pub(crate) fn price<'a>(
    published: &'a Published,
    request: ItemRequest<'_>,
) -> Result<StrategyPrice<'a>, Box<Refusal>> {
    let ItemRequest {
        context,
        item,
        features,
        standing,
        as_of_ms,
    } = request;
    let amount = item.amount.as_ref().map(money).transpose()?;
    let features: &dyn Features = features;
    published.engine().price_with_strategy(&Inputs {
        product_id: &item.product_id,
        amount,
        tenor_months: (item.tenor_months != 0).then_some(item.tenor_months),
        last_rate_ppm: item.last_rate_ppm.or(standing.last_rate_ppm),
        accepted: standing.accepted,
        channel: &context.channel,
        segment: published.segment(context),
        campaign: published.campaign(context, as_of_ms),
        personalised: context.personalised,
        as_of_ms,
        strategy_versions: &context.strategy_versions,
        features,
    })
}

/// Returns the answer for one item.
pub(crate) fn answer(
    item: &PriceItem,
    priced: Result<StrategyPrice<'_>, Box<Refusal>>,
    without_schedule: bool,
) -> Priced {
    let (outcome, take_up) = match priced {
        Ok(StrategyPrice {
            mut price,
            strategy,
        }) => {
            if without_schedule {
                price.schedule.clear();
            }
            let take_up = strategy.take_up().map(|take_up| TakeUp {
                slope: take_up.slope,
                reference_rate_ppm: take_up.reference.ppm(),
            });
            (Outcome::Price(price), take_up)
        }
        Err(refusal) => (Outcome::Refusal(*refusal), None),
    };
    Priced {
        product_id: item.product_id.clone(),
        outcome: Some(outcome),
        take_up,
    }
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

/// Returns "price", or the name of a refusal's cause, as a label of metrics.
pub(crate) fn outcome(priced: &Result<StrategyPrice<'_>, Box<Refusal>>) -> &'static str {
    match priced {
        Ok(_) => "price",
        Err(refusal) => refusal.cause().as_str_name(),
    }
}
