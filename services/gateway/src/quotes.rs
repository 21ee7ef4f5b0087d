//! `QuoteService`: firm quotes. A quote, a refusal and an acceptance are answered only after their record
//! is in the log; repeated, they are not logged again.

use fairlead_domain::ProductId;
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::gateway::v1::quote_service_server::QuoteService;
use fairlead_proto::gateway::v1::{
    AcceptRequest, AcceptResponse, QuoteRequest, QuoteResponse, VerifyRequest, VerifyResponse,
    quote_response,
};
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, Acceptance, CreateQuoteRequest, CreateQuoteResponse, MarkLoggedRequest,
    PriceItem, Quote, VerifyQuoteRequest, create_quote_response,
};
use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::checks::{Checks, Named};
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
                last_rate_ppm: None,
            }),
            idempotency_key: asked.idempotency_key,
            facts: Some(firm.facts.clone()),
            caller: checks.principal(),
            record: basis(&ask, firm).encode_to_vec(),
        };
        let mut pricing = self.inner.backends.pricing(ask.deadline);
        let answer = pricing.create_quote(call).await?.into_inner();
        let outcome = match answer.outcome.clone() {
            Some(create_quote_response::Outcome::Quote(quote)) => {
                quote_response::Outcome::Quote(quote)
            }
            Some(create_quote_response::Outcome::Refusal(refusal)) => {
                quote_response::Outcome::Refusal(refusal)
            }
            None => {
                let message = "pricing answered without quote or refusal";
                return Err(Status::internal(message));
            }
        };
        let request_id = answer.request_id.clone();
        self.log_answer(&checks, &ask, answer).await?;
        Ok(Response::new(QuoteResponse {
            request_id,
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
        if let Some(quote) = &quote {
            checks.about(&quote.customer_id)?;
        }
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
        let firm = self.inner.decider.firm(&ask).await?;
        let call = AcceptQuoteRequest {
            quote_id: asked.quote_id,
            facts: Some(firm.facts),
            context: Some(firm.context),
        };
        let mut pricing = self.inner.backends.pricing(ask.deadline);
        let answer = pricing.accept_quote(call).await?.into_inner();
        let (Some(quote), Some(acceptance)) = (answer.quote, answer.acceptance) else {
            let message = "pricing answered without the quote or its acceptance";
            return Err(Status::internal(message));
        };
        if !answer.logged {
            let record = accepted(quote.clone(), acceptance);
            let by = checks.log_deadline();
            self.inner.decisions.append_acceptance(&record, by).await?;
            let quote_id = quote.quote_id.clone();
            self.mark_logged(&checks, &ask, quote_id, true).await;
        }
        Ok(Response::new(AcceptResponse {
            quote: Some(quote),
            accepted_at_ms: answer.accepted_at_ms,
        }))
    }
}

impl Service {
    /// Returns once the log has the record of an answer: that of the request for which it was made,
    /// whichever request repeats it.
    async fn log_answer(
        &self,
        checks: &Checks<'_>,
        ask: &Ask,
        answer: CreateQuoteResponse,
    ) -> Result<(), Status> {
        if answer.logged {
            return Ok(());
        }
        let answer_id = answer.answer_id.clone();
        let record = completed(answer)?;
        let by = checks.log_deadline();
        self.inner.decisions.append_once(&record, by).await?;
        self.mark_logged(checks, ask, answer_id, false).await;
        Ok(())
    }

    /// Tells pricing that the log has a record. Where that fails, whoever repeats the call appends the
    /// same record again: it is there twice, under one request id.
    async fn mark_logged(
        &self,
        checks: &Checks<'_>,
        ask: &Ask,
        answer_id: String,
        acceptance: bool,
    ) {
        let call = MarkLoggedRequest {
            tenant: ask.tenant.to_string(),
            customer_id: ask.customer.to_string(),
            answer_id,
            acceptance,
        };
        let mut pricing = self.inner.backends.pricing(checks.deadline());
        if let Err(status) = pricing.mark_logged(call).await {
            tracing::warn!(code = ?status.code(), acceptance, "a record is logged and not marked so");
        }
    }
}

/// Returns the record of a request for a firm quote, before its answer is known.
fn basis(ask: &Ask, firm: FirmBasis) -> DecisionRecord {
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
        release_revision,
        features: context.features.into_iter().collect(),
        exposures,
        personalised: context.personalised,
        segments: context.segments,
        channel: ask.channel.clone(),
        campaign: ask.campaign.clone(),
        client_reference: ask.client_reference.clone(),
        ..DecisionRecord::default()
    }
}

/// Returns the record of an answer: the basis that pricing kept with it, and the answer.
fn completed(answer: CreateQuoteResponse) -> Result<DecisionRecord, Status> {
    let basis = DecisionRecord::decode(&answer.record[..]);
    let basis = basis.ok().filter(|basis| !basis.request_id.is_empty());
    let Some(basis) = basis else {
        let message = "pricing answered without the record of the request";
        return Err(Status::internal(message));
    };
    let (quote, refusal) = match answer.outcome {
        Some(create_quote_response::Outcome::Quote(quote)) => (Some(quote), None),
        Some(create_quote_response::Outcome::Refusal(refusal)) => (None, Some(refusal)),
        None => (None, None),
    };
    Ok(DecisionRecord {
        // A refusal carries none: it is the gateway's own, nearly always the same.
        release_revision: quote
            .as_ref()
            .map_or(basis.release_revision, |quote| quote.release_revision),
        quote,
        refusal,
        item: answer.item,
        ..basis
    })
}

/// Returns the record of an acceptance.
fn accepted(quote: Quote, acceptance: Acceptance) -> DecisionRecord {
    DecisionRecord {
        request_id: acceptance.request_id.clone(),
        tenant: quote.tenant.clone(),
        customer_id: quote.customer_id.clone(),
        decided_at_ms: acceptance.accepted_at_ms,
        release_revision: acceptance.release_revision,
        quote: Some(quote),
        acceptance: Some(acceptance),
        ..DecisionRecord::default()
    }
}
