//! Making a quote again from its decision record and the release that the record names.

use std::collections::BTreeMap;
use std::sync::Arc;

use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::feature::v1::Purpose as WirePurpose;
use fairlead_proto::pricing::v1::{Price, PriceItem, PricingContext, Quote};
use fairlead_registry::Registry;
use fairlead_release::Live;

use crate::argument::PriceFeatures;
use crate::error::Error;
use crate::keyring::Keyring;
use crate::priced;
use crate::published::Published;
use crate::quote::unsigned;

/// Prices a recorded quote again and signs it again: the same bytes as the quote in the record.
///
/// # Errors
/// [`Error::Record`] where the record holds no quote, another release's, or is refused a price now;
/// [`Error::Release`] and [`Error::Features`] where those do not read.
pub fn replay(
    live: &Arc<Live>,
    record: &DecisionRecord,
    (registry, keys): (&Registry, &Keyring),
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
    let published = Published::of(registry, live)?;
    let context = context_of(record, price)?;
    let features = PriceFeatures::of(registry, &context)?;
    let item = item_of(price);
    let asked = (&context, &item);
    let again = priced::price(&published.pricing, asked, &features, quote.created_at_ms)
        .map_err(|refusal| Error::Record(format!("refused now: {}", refusal.detail)))?;
    let named = (quote.quote_id.clone(), quote.created_at_ms);
    let unsigned = unsigned(&published, &context, again, named)?;
    Ok(keys.sign(unsigned))
}

/// Who was priced for, as the record says it.
fn context_of(record: &DecisionRecord, price: &Price) -> Result<PricingContext, Error> {
    let wanted = i32::from(WirePurpose::Price);
    let features = record
        .features
        .iter()
        .find(|set| set.purpose == wanted)
        .cloned();
    // "cash-loan@3": the version as used, champion or an arm's.
    let version = price
        .strategy
        .rsplit_once('@')
        .and_then(|(id, version)| Some(BTreeMap::from([(id.to_owned(), version.parse().ok()?)])));
    let strategy_versions = version
        .ok_or_else(|| Error::Record(format!("strategy `{}` has no version", price.strategy)))?;
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
    })
}

/// What was priced, as the price says it.
fn item_of(price: &Price) -> PriceItem {
    let last = price.inputs.get("last_rate");
    PriceItem {
        product_id: price.product_id.clone(),
        amount: price.amount.clone(),
        tenor_months: price.tenor_months,
        last_rate_ppm: last.and_then(|rate| rate.parse().ok()).unwrap_or(0),
    }
}
