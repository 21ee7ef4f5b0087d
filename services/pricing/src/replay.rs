//! The replay of a quote from its decision record and the release that the record names.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_domain::StrategyLabel;
use fairlead_price_engine::Accepted;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::feature::v1::Purpose as WirePurpose;
use fairlead_proto::pricing::v1::{Price, PriceItem, PricingContext, Quote};
use fairlead_registry::Registry;
use fairlead_release::Live;

use crate::argument::PriceFeatures;
use crate::error::Error;
use crate::keyring::Keyring;
use crate::priced::{self, ItemRequest, Standing};
use crate::published::Published;
use crate::quote::{QuoteMade, unsigned};

/// Prices a recorded quote again and signs it again: the same bytes as the quote in the record.
///
/// # Errors
/// [`Error::Record`] where the record holds no quote, another release's, or is refused a price now;
/// [`Error::Release`] and [`Error::Features`] where those do not read.
pub fn replay(
    live: &Arc<Live>,
    record: &DecisionRecord,
    registry: &Registry,
    keys: &Keyring,
) -> Result<Quote, Error> {
    let recorded = record.quote.as_ref();
    let quote = recorded.ok_or_else(|| Error::Record("it holds no quote".to_owned()))?;
    let price = quote.price.as_ref();
    let price = price.ok_or_else(|| Error::Record("its quote holds no price".to_owned()))?;
    if quote.release_revision != live.revision() {
        let message = format!(
            "release {}, not {}",
            quote.release_revision,
            live.revision()
        );
        return Err(Error::Record(message));
    }
    let published = Published::check(registry, live)?;
    let context = context_of(record, price)?;
    let features = PriceFeatures::read(registry, &context)?;
    let request = ItemRequest {
        context: &context,
        item: &item_of(price),
        features: &features,
        standing: standing_of(price),
        as_of_ms: quote.created_at_ms,
    };
    let again = priced::price(&published, request)
        .map_err(|refusal| Error::Record(format!("refused now: {}", refusal.detail)))?;
    let made = QuoteMade {
        quote_id: quote.quote_id.clone(),
        at_ms: quote.created_at_ms,
    };
    Ok(keys.sign(unsigned(&published, &context, again, made)))
}

/// Returns the context of the price, as the record holds it.
fn context_of(record: &DecisionRecord, price: &Price) -> Result<PricingContext, Error> {
    let wanted = i32::from(WirePurpose::Price);
    let features = record
        .features
        .iter()
        .find(|set| set.purpose == wanted)
        .cloned();
    // The version that was used, champion or an arm's.
    let label: Result<StrategyLabel, _> = price.strategy.parse();
    let label = label.map_err(|error| Error::Record(error.to_string()))?;
    let strategy_versions = BTreeMap::from([(label.strategy_id, label.version)]);
    Ok(PricingContext {
        tenant: record.tenant.clone(),
        request_id: record.request_id.clone(),
        customer_id: record.customer_id.clone(),
        features,
        segments: record.segments.clone(),
        channel: record.channel.clone(),
        campaign: record.campaign.clone(),
        strategy_versions,
        personalised: record.personalised,
        as_of_ms: 0,
        stated_ms: BTreeMap::new(),
    })
}

/// Returns the item that was priced, as the price holds it.
fn item_of(price: &Price) -> PriceItem {
    PriceItem {
        product_id: price.product_id.clone(),
        amount: price.amount.clone(),
        tenor_months: price.tenor_months,
        last_rate_ppm: None,
    }
}

/// Returns what earlier quotes and acceptances meant for the price, as its inputs hold it.
fn standing_of(price: &Price) -> Standing {
    let input = |name: &str| price.inputs.get(name)?.parse().ok();
    Standing {
        last_rate_ppm: input("last_rate"),
        accepted: Accepted {
            exposure_minor: input("accepted_exposure").unwrap_or_default(),
            monthly_minor: input("accepted_debt_service").unwrap_or_default(),
        },
    }
}
