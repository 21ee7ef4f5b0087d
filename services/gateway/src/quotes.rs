//! `QuoteService`: firm quotes. A quote is answered only after its record is in the log.

use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::status::CallError;
use fairlead_domain::ProductId;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::quote_service_server::QuoteService;
use fairlead_proto::gateway::v1::{
    AcceptRequest, AcceptResponse, QuoteRequest, QuoteResponse, VerifyRequest, VerifyResponse,
    quote_response,
};
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, CreateQuoteRequest, PriceItem, PricingContext, VerifyQuoteRequest,
    create_quote_response,
};
use tonic::{Request, Response, Status};

use crate::decision::Ask;
use crate::{Error, Service};

fn key_refused(value: &str) -> Error {
    Error::Field {
        field: "idempotency_key",
        value: value.to_owned(),
        allowed: "1 to 64 characters; the same key gives the same quote".to_owned(),
    }
}

impl Service {
    /// Who is quoted and what for, as pricing takes it, with the profile's price features.
    async fn pricing_context(&self, ask: &Ask) -> Result<PricingContext, Status> {
        let (profile, features, degraded) = self.inner.decider.profile_for(ask).await?;
        if degraded {
            // A firm price must not rest on a customer whom nobody could read.
            return Err(CallError::unavailable("profile", "no firm quote without it").into());
        }
        Ok(PricingContext {
            tenant: ask.tenant.to_string(),
            request_id: ask.request_id.to_string(),
            customer_id: ask.customer.to_string(),
            features: Some(features),
            personalised: profile.personalisation_consent,
            strategy_versions: self.inner.decider.strategy_versions(ask, &profile)?,
            segments: profile.segments,
            channel: ask.channel.clone(),
            campaign: ask.campaign.clone(),
            as_of_ms: ask.as_of_ms,
        })
    }
}

#[tonic::async_trait]
impl QuoteService for Service {
    async fn quote(
        &self,
        request: Request<QuoteRequest>,
    ) -> Result<Response<QuoteResponse>, Status> {
        let deadline = Deadline::from_request(&request);
        let asked = request.into_inner();
        let product = ProductId::new(&asked.product_id).map_err(Error::from)?;
        if !(1..=64).contains(&asked.idempotency_key.len()) {
            return Err(key_refused(&asked.idempotency_key).into());
        }
        let checks = self.checks();
        let ask = checks.ask(
            &asked.tenant,
            &asked.customer_id,
            &asked.channel,
            &asked.campaign,
            deadline,
        )?;
        let context = self.pricing_context(&ask).await?;
        let mut call = Request::new(CreateQuoteRequest {
            context: Some(context.clone()),
            item: Some(PriceItem {
                product_id: product.to_string(),
                amount: asked.amount,
                tenor_months: asked.tenor_months,
                last_rate_ppm: 0,
            }),
            idempotency_key: asked.idempotency_key,
        });
        ask.deadline.apply(&mut call);
        let answer = self
            .inner
            .decider
            .pricing
            .clone()
            .create_quote(call)
            .await?
            .into_inner();
        let (outcome, quote) = match answer.outcome {
            Some(create_quote_response::Outcome::Quote(quote)) => {
                (quote_response::Outcome::Quote(quote.clone()), Some(quote))
            }
            Some(create_quote_response::Outcome::Refusal(refusal)) => {
                (quote_response::Outcome::Refusal(refusal), None)
            }
            None => {
                return Err(Status::internal(
                    "pricing answered without quote or refusal",
                ));
            }
        };
        self.inner
            .decisions
            .keep(&record(&ask, context, quote))
            .await?;
        Ok(Response::new(QuoteResponse {
            request_id: ask.request_id.to_string(),
            outcome: Some(outcome),
        }))
    }

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<VerifyResponse>, Status> {
        let call = VerifyQuoteRequest {
            quote: request.into_inner().quote,
        };
        let answer = self
            .inner
            .decider
            .pricing
            .clone()
            .verify_quote(call)
            .await?
            .into_inner();
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
        let asked = request.into_inner();
        let ask = self
            .checks()
            .ask(&asked.tenant, &asked.customer_id, "", "", None)?;
        let mut call = Request::new(AcceptQuoteRequest {
            tenant: ask.tenant.to_string(),
            quote_id: asked.quote_id,
            customer_id: ask.customer.to_string(),
        });
        ask.deadline.apply(&mut call);
        let answer = self
            .inner
            .decider
            .pricing
            .clone()
            .accept_quote(call)
            .await?
            .into_inner();
        Ok(Response::new(AcceptResponse {
            quote: answer.quote,
            accepted_at_ms: answer.accepted_at_ms,
        }))
    }
}

fn record(
    ask: &Ask,
    context: PricingContext,
    quote: Option<fairlead_proto::pricing::v1::Quote>,
) -> DecisionRecord {
    DecisionRecord {
        request_id: ask.request_id.to_string(),
        tenant: ask.tenant.to_string(),
        customer_id: ask.customer.to_string(),
        decided_at_ms: ask.as_of_ms,
        release_revision: quote.as_ref().map_or(0, |quote| quote.release_revision),
        features: context.features.into_iter().collect(),
        personalised: context.personalised,
        segments: context.segments,
        channel: ask.channel.clone(),
        campaign: ask.campaign.clone(),
        quote,
        ..DecisionRecord::default()
    }
}
