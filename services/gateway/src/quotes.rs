//! `QuoteService`: firm quotes. A quote is answered only after its record is in the log.

use fairlead_domain::ProductId;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::quote_service_server::QuoteService;
use fairlead_proto::gateway::v1::{
    AcceptRequest, AcceptResponse, QuoteRequest, QuoteResponse, VerifyRequest, VerifyResponse,
    quote_response,
};
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, CreateQuoteRequest, PriceItem, VerifyQuoteRequest, create_quote_response,
};
use tonic::{Request, Response, Status};

use crate::checks::Named;
use crate::decision::{Ask, FirmBasis};
use crate::{Error, Service};

fn key_refused(value: &str) -> Error {
    Error::Field {
        field: "idempotency_key",
        value: value.to_owned(),
        allowed: "1 to 64 characters; the same key gives the same quote".to_owned(),
    }
}

#[tonic::async_trait]
impl QuoteService for Service {
    async fn quote(
        &self,
        request: Request<QuoteRequest>,
    ) -> Result<Response<QuoteResponse>, Status> {
        let checks = self.checks(&request)?;
        let asked = request.into_inner();
        let ask = checks.ask(Named {
            tenant: &asked.tenant,
            customer: &asked.customer_id,
            channel: &asked.channel,
            campaign: &asked.campaign,
            client_reference: &asked.client_reference,
        })?;
        let product = ProductId::new(&asked.product_id).map_err(Error::from)?;
        if !(1..=64).contains(&asked.idempotency_key.len()) {
            return Err(key_refused(&asked.idempotency_key).into());
        }
        let firm = self.inner.decider.firm(&ask).await?;
        let call = CreateQuoteRequest {
            context: Some(firm.context.clone()),
            item: Some(PriceItem {
                product_id: product.to_string(),
                amount: asked.amount,
                tenor_months: asked.tenor_months,
                last_rate_ppm: 0,
            }),
            idempotency_key: asked.idempotency_key,
            facts: Some(firm.facts.clone()),
        };
        let item = call.item.clone();
        let mut pricing = self.inner.backends.pricing(ask.deadline);
        let answer = pricing.create_quote(call).await?.into_inner();
        let Some(outcome) = answer.outcome else {
            return Err(Status::internal(
                "pricing answered without quote or refusal",
            ));
        };
        let record = record(&ask, firm, item, &outcome);
        self.inner
            .decisions
            .append(&record, checks.log_deadline())
            .await?;
        let outcome = match outcome {
            create_quote_response::Outcome::Quote(quote) => quote_response::Outcome::Quote(quote),
            create_quote_response::Outcome::Refusal(refusal) => {
                quote_response::Outcome::Refusal(refusal)
            }
        };
        Ok(Response::new(QuoteResponse {
            request_id: ask.request_id.to_string(),
            outcome: Some(outcome),
            client_reference: ask.client_reference,
        }))
    }

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        let checks = self.checks(&request)?;
        let quote = request.into_inner().quote;
        checks.tenant(quote.as_ref().map_or("", |quote| &quote.tenant))?;
        let mut pricing = self.inner.backends.pricing(checks.deadline());
        let answer = pricing.verify_quote(VerifyQuoteRequest { quote }).await?;
        let answer = answer.into_inner();
        Ok(Response::new(VerifyResponse {
            genuine: answer.genuine,
            in_time: answer.in_time,
            accepted: answer.accepted,
        }))
    }

    async fn accept(
        &self,
        request: Request<AcceptRequest>,
    ) -> Result<Response<AcceptResponse>, Status> {
        let checks = self.checks(&request)?;
        let asked = request.into_inner();
        let ask = checks.ask(Named {
            tenant: &asked.tenant,
            customer: &asked.customer_id,
            ..Named::default()
        })?;
        let facts = self.inner.decider.firm_facts(&ask).await?;
        let call = AcceptQuoteRequest {
            tenant: ask.tenant.to_string(),
            quote_id: asked.quote_id,
            customer_id: ask.customer.to_string(),
            facts: Some(facts),
        };
        let mut pricing = self.inner.backends.pricing(ask.deadline);
        let answer = pricing.accept_quote(call).await?.into_inner();
        Ok(Response::new(AcceptResponse {
            quote: answer.quote,
            accepted_at_ms: answer.accepted_at_ms,
        }))
    }
}

/// Returns the decision record of a quote, or of its refusal.
fn record(
    ask: &Ask,
    firm: FirmBasis,
    item: Option<PriceItem>,
    outcome: &create_quote_response::Outcome,
) -> DecisionRecord {
    let (quote, refusal) = match outcome {
        create_quote_response::Outcome::Quote(quote) => (Some(quote.clone()), None),
        create_quote_response::Outcome::Refusal(refusal) => (None, Some(refusal.clone())),
    };
    let FirmBasis {
        context,
        facts: _,
        exposures,
        release_revision,
    } = firm;
    DecisionRecord {
        request_id: ask.request_id.to_string(),
        tenant: ask.tenant.to_string(),
        customer_id: ask.customer.to_string(),
        decided_at_ms: ask.as_of_ms,
        // A refusal carries none: it is the gateway's own, nearly always the same.
        release_revision: quote
            .as_ref()
            .map_or(release_revision, |quote| quote.release_revision),
        features: context.features.into_iter().collect(),
        exposures,
        personalised: context.personalised,
        segments: context.segments,
        channel: ask.channel.clone(),
        campaign: ask.campaign.clone(),
        client_reference: ask.client_reference.clone(),
        quote,
        refusal,
        item,
        ..DecisionRecord::default()
    }
}
