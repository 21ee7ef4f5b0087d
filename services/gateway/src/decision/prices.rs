//! Prices of the candidates, and the context that slates and firm quotes are priced with.

use fairlead_proto::pricing::v1::{PriceItem, PriceManyRequest, Priced, PricingContext};
use tonic::Status;

use super::stages::{Stage, Stages};
use super::{Ask, Contending, Decider, Known, value};

impl Decider {
    /// Prices the best candidates, a batch at a time, until enough have a price for the slate.
    pub(super) async fn price(
        &self,
        ask: &Ask,
        known: &Known,
        contending: &mut [Contending],
        stages: &mut Stages,
    ) -> Result<(), Status> {
        let depth = known.parameters.slate.price_depth.max(ask.slate_size);
        let mut priced = 0;
        let mut next = 0;
        while priced < ask.slate_size && next < contending.len() {
            let until = contending.len().min(next + depth);
            let batch = &mut contending[next..until];
            if !self.price_batch(ask, known, batch, stages).await? {
                return Ok(());
            }
            priced += batch.iter().filter(|one| one.price().is_some()).count();
            next = until;
        }
        Ok(())
    }

    /// Prices one batch; false where pricing is away.
    async fn price_batch(
        &self,
        ask: &Ask,
        known: &Known,
        batch: &mut [Contending],
        stages: &mut Stages,
    ) -> Result<bool, Status> {
        let stage = Stage {
            name: "pricing",
            share: self.shares.pricing,
            fallback: "no priced product is shown",
        };
        let item = |one: &Contending| PriceItem {
            product_id: one.candidate.product_id.clone(),
            ..PriceItem::default()
        };
        let request = PriceManyRequest {
            context: Some(known.pricing_context(ask)),
            items: batch.iter().map(item).collect(),
            without_schedule: true,
        };
        let calling = async |by| {
            let answer = self.backends.pricing(by).price_many(request).await?;
            Ok(answer.into_inner())
        };
        let answer = stages.run(stage, calling).await?;
        let Some(answer) = answer else {
            return Ok(false);
        };
        for (one, priced) in batch.iter_mut().zip(answer.priced) {
            one.take_price(priced);
        }
        Ok(true)
    }
}

impl Known {
    /// Returns the customer and the circumstances as pricing takes them.
    pub(super) fn pricing_context(&self, ask: &Ask) -> PricingContext {
        PricingContext {
            tenant: ask.tenant.to_string(),
            request_id: ask.request_id.to_string(),
            customer_id: ask.customer.to_string(),
            features: Some(self.price.clone()),
            segments: self.profile.segments.clone(),
            channel: ask.channel.clone(),
            campaign: ask.campaign.clone(),
            strategy_versions: self.overrides.strategy_versions.clone(),
            personalised: self.personalised,
            as_of_ms: ask.as_of_ms,
            stated_ms: self.profile.stated_ms.clone(),
        }
    }
}

impl Contending {
    fn take_price(&mut self, priced: Priced) {
        self.priced = Some(priced);
        let Some(price) = self.price() else { return };
        let take_up = self.priced.as_ref().and_then(|one| one.take_up.as_ref());
        let convert = value::convert_at_price(self.chances.convert, price, take_up);
        let expected = value::expected_value(self.chances.click, convert, price);
        self.convert_at_price = convert;
        self.value = expected;
    }
}
