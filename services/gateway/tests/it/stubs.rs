//! Stub servers of the services behind the gateway. At first everything works: a known customer who
//! agreed to personalisation, every product of the release, a score and a price for each.

use std::sync::Arc;

use fairlead_proto::money::v1::Money;
use fairlead_proto::pricing::v1::pricing_service_server::{PricingService, PricingServiceServer};
use fairlead_proto::pricing::v1::{
    AcceptQuoteRequest, AcceptQuoteResponse, Acceptance, CreateQuoteRequest, CreateQuoteResponse,
    MarkLoggedRequest, MarkLoggedResponse, Price, PriceManyRequest, PriceManyResponse, Priced,
    Quote, VerifyQuoteRequest, VerifyQuoteResponse, create_quote_response, priced,
};
use fairlead_proto::profile::v1::profile_service_server::{ProfileService, ProfileServiceServer};
use fairlead_proto::profile::v1::{
    FindDecisionRequest, FindDecisionResponse, GetProfileRequest, GetProfileResponse, Profile,
};
use fairlead_proto::ranking::v1::ranking_service_server::{RankingService, RankingServiceServer};
use fairlead_proto::ranking::v1::{RankRequest, RankResponse, Scored};
use fairlead_proto::recall::v1::recall_service_server::{RecallService, RecallServiceServer};
use fairlead_proto::recall::v1::{Candidate, RecallRequest, RecallResponse};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::releases::{NOW_MS, PRODUCTS};
use crate::stub::Stub;

/// The methods of all stub servers.
pub(crate) struct Stubs {
    pub(crate) get_profile: Stub<GetProfileRequest, GetProfileResponse>,
    pub(crate) find_decision: Stub<FindDecisionRequest, FindDecisionResponse>,
    pub(crate) recall: Stub<RecallRequest, RecallResponse>,
    pub(crate) rank: Stub<RankRequest, RankResponse>,
    pub(crate) price_many: Stub<PriceManyRequest, PriceManyResponse>,
    pub(crate) create_quote: Stub<CreateQuoteRequest, CreateQuoteResponse>,
    pub(crate) verify_quote: Stub<VerifyQuoteRequest, VerifyQuoteResponse>,
    pub(crate) accept_quote: Stub<AcceptQuoteRequest, AcceptQuoteResponse>,
    pub(crate) mark_logged: Stub<MarkLoggedRequest, MarkLoggedResponse>,
}

impl Default for Stubs {
    fn default() -> Self {
        Self {
            get_profile: Stub::new(|asked: &GetProfileRequest| {
                Ok(GetProfileResponse {
                    profile: Some(profile(&asked.customer_id)),
                })
            }),
            // An index that is up to date and has no entry.
            find_decision: Stub::new(|_| {
                Ok(FindDecisionResponse {
                    offset: None,
                    indexed_offset: Some(0),
                    indexed_time_ms: i64::MAX,
                })
            }),
            recall: Stub::new(|_| Ok(found(&PRODUCTS))),
            rank: Stub::new(|asked: &RankRequest| Ok(scored(&asked.product_ids))),
            price_many: Stub::new(|asked: &PriceManyRequest| Ok(prices(asked))),
            create_quote: Stub::new(|asked: &CreateQuoteRequest| {
                Ok(CreateQuoteResponse {
                    outcome: Some(create_quote_response::Outcome::Quote(quote(asked))),
                    ..answer_to(asked)
                })
            }),
            verify_quote: Stub::new(|_| {
                Ok(VerifyQuoteResponse {
                    genuine: true,
                    in_time: true,
                    accepted: false,
                })
            }),
            accept_quote: Stub::new(|asked: &AcceptQuoteRequest| {
                let context = asked.context.clone().unwrap_or_default();
                Ok(AcceptQuoteResponse {
                    quote: Some(Quote {
                        quote_id: asked.quote_id.clone(),
                        tenant: context.tenant,
                        customer_id: context.customer_id,
                        ..Quote::default()
                    }),
                    accepted_at_ms: NOW_MS,
                    acceptance: Some(Acceptance {
                        quote_id: asked.quote_id.clone(),
                        accepted_at_ms: NOW_MS,
                        request_id: context.request_id,
                        ..Acceptance::default()
                    }),
                    logged: false,
                })
            }),
            mark_logged: Stub::new(|_| Ok(MarkLoggedResponse {})),
        }
    }
}

/// The profile of a customer who may be shown every product.
pub(crate) fn profile(customer_id: &str) -> Profile {
    Profile {
        customer_id: customer_id.to_owned(),
        known: true,
        personalisation_consent: true,
        suitability_class: 5,
        age_years: Some(40),
        segments: [("value".to_owned(), "high".to_owned())].into(),
        ..Profile::default()
    }
}

/// An answer of recall with these candidates.
pub(crate) fn found(product_ids: &[&str]) -> RecallResponse {
    let candidate = |product_id: &&str| Candidate {
        product_id: (*product_id).to_owned(),
        sources: Vec::new(),
    };
    RecallResponse {
        candidates: product_ids.iter().map(candidate).collect(),
        ..RecallResponse::default()
    }
}

/// Scores that prefer what stands last, so that ranking's order differs from recall's.
fn scored(product_ids: &[String]) -> RankResponse {
    let score = |(index, product_id): (usize, &String)| Scored {
        product_id: product_id.clone(),
        p_click: 0.1 * (index + 1) as f64,
        p_convert: 0.5,
        in_vocabulary: true,
    };
    RankResponse {
        scored: product_ids.iter().enumerate().map(score).collect(),
        model_version: "ranker@1".to_owned(),
        ..RankResponse::default()
    }
}

fn price(product_id: &str) -> Price {
    Price {
        product_id: product_id.to_owned(),
        rate_ppm: 15_000,
        expected_margin_minor: 100,
        ..Price::default()
    }
}

fn prices(asked: &PriceManyRequest) -> PriceManyResponse {
    let priced = asked.items.iter().map(|item| Priced {
        product_id: item.product_id.clone(),
        outcome: Some(priced::Outcome::Price(price(&item.product_id))),
        take_up: None,
    });
    PriceManyResponse {
        priced: priced.collect(),
        release_revision: 1,
    }
}

/// The answer to a first request, without its outcome.
pub(crate) fn answer_to(asked: &CreateQuoteRequest) -> CreateQuoteResponse {
    let context = asked.context.clone().unwrap_or_default();
    CreateQuoteResponse {
        request_id: context.request_id,
        answer_id: format!("q-{}", asked.idempotency_key),
        record: asked.record.clone(),
        item: asked.item.clone(),
        ..CreateQuoteResponse::default()
    }
}

/// The quote for a request: its id is the idempotency key's.
fn quote(asked: &CreateQuoteRequest) -> Quote {
    let context = asked.context.clone().unwrap_or_default();
    let item = asked.item.clone().unwrap_or_default();
    Quote {
        quote_id: format!("q-{}", asked.idempotency_key),
        tenant: context.tenant,
        customer_id: context.customer_id,
        price: Some(Price {
            amount: item.amount.or(Some(Money {
                minor: 5_000,
                currency: "CNY".to_owned(),
            })),
            ..price(&item.product_id)
        }),
        created_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 60_000,
        release_revision: 1,
        ..Quote::default()
    }
}

/// The stub servers as generated servers take them.
#[derive(Clone)]
pub(crate) struct StubServer(Arc<Stubs>);

impl StubServer {
    pub(crate) fn new(stubs: Arc<Stubs>) -> Self {
        Self(stubs)
    }

    pub(crate) fn profile(&self) -> Routes {
        Routes::new(ProfileServiceServer::new(self.clone()))
    }

    pub(crate) fn recall(&self) -> Routes {
        Routes::new(RecallServiceServer::new(self.clone()))
    }

    pub(crate) fn ranking(&self) -> Routes {
        Routes::new(RankingServiceServer::new(self.clone()))
    }

    pub(crate) fn pricing(&self) -> Routes {
        Routes::new(PricingServiceServer::new(self.clone()))
    }
}

#[tonic::async_trait]
impl ProfileService for StubServer {
    async fn get_profile(
        &self,
        request: Request<GetProfileRequest>,
    ) -> Result<Response<GetProfileResponse>, Status> {
        self.0.get_profile.handle(request).await
    }

    async fn find_decision(
        &self,
        request: Request<FindDecisionRequest>,
    ) -> Result<Response<FindDecisionResponse>, Status> {
        self.0.find_decision.handle(request).await
    }
}

#[tonic::async_trait]
impl RecallService for StubServer {
    async fn recall(
        &self,
        request: Request<RecallRequest>,
    ) -> Result<Response<RecallResponse>, Status> {
        self.0.recall.handle(request).await
    }
}

#[tonic::async_trait]
impl RankingService for StubServer {
    async fn rank(&self, request: Request<RankRequest>) -> Result<Response<RankResponse>, Status> {
        self.0.rank.handle(request).await
    }
}

#[tonic::async_trait]
impl PricingService for StubServer {
    async fn price_many(
        &self,
        request: Request<PriceManyRequest>,
    ) -> Result<Response<PriceManyResponse>, Status> {
        self.0.price_many.handle(request).await
    }

    async fn create_quote(
        &self,
        request: Request<CreateQuoteRequest>,
    ) -> Result<Response<CreateQuoteResponse>, Status> {
        self.0.create_quote.handle(request).await
    }

    async fn verify_quote(
        &self,
        request: Request<VerifyQuoteRequest>,
    ) -> Result<Response<VerifyQuoteResponse>, Status> {
        self.0.verify_quote.handle(request).await
    }

    async fn accept_quote(
        &self,
        request: Request<AcceptQuoteRequest>,
    ) -> Result<Response<AcceptQuoteResponse>, Status> {
        self.0.accept_quote.handle(request).await
    }

    async fn mark_logged(
        &self,
        request: Request<MarkLoggedRequest>,
    ) -> Result<Response<MarkLoggedResponse>, Status> {
        self.0.mark_logged.handle(request).await
    }
}
