//! One complete call of each RPC, for a tenant and a customer, with the credentials of a caller.

use std::collections::BTreeSet;

use fairlead_chassis::link::Link;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::gateway::v1::customer_profile_service_client::CustomerProfileServiceClient;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{
    AcceptRequest, ExplainRequest, GetCustomerProfileRequest, QuoteRequest, RecommendRequest,
    TrackManyRequest, TrackRequest, VerifyRequest,
};
use fairlead_proto::pricing::v1::Quote;
use prost_reflect::DescriptorPool;
use tonic::Status;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;

/// Returns the paths of the gateway's RPCs, as the contracts list them.
pub(crate) fn rpc_paths() -> BTreeSet<String> {
    let pool = DescriptorPool::decode(fairlead_proto::DESCRIPTORS).expect("the contracts");
    pool.services()
        .filter(|service| service.package_name() == "fairlead.gateway.v1")
        .flat_map(|service| {
            let name = service.full_name().to_owned();
            let methods: Vec<_> = service.methods().collect();
            methods
                .into_iter()
                .map(move |method| format!("/{name}/{}", method.name()))
        })
        .collect()
}

/// The credentials of a caller: the value of `authorization: Bearer`, and that of `x-customer-token`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    pub(crate) bearer: Option<String>,
    pub(crate) customer_token: Option<String>,
}

impl Credentials {
    pub(crate) fn bearer(value: &str) -> Self {
        Self {
            bearer: Some(value.to_owned()),
            customer_token: None,
        }
    }

    pub(crate) fn and_token(self, token: &str) -> Self {
        Self {
            customer_token: Some(token.to_owned()),
            ..self
        }
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        let metadata = request.metadata_mut();
        if let Some(bearer) = &self.bearer {
            let value = format!("Bearer {bearer}").parse().expect("ASCII");
            metadata.insert("authorization", value);
        }
        if let Some(token) = &self.customer_token {
            metadata.insert("x-customer-token", token.parse().expect("ASCII"));
        }
        Ok(request)
    }
}

/// One complete call of each RPC.
#[derive(Debug, Clone)]
pub(crate) struct Calls {
    pub(crate) link: InterceptedService<Link, Credentials>,
    pub(crate) tenant: String,
    pub(crate) customer: String,
    /// The request whose decision is explained.
    pub(crate) request_id: String,
}

impl Calls {
    /// Calls the RPC at a path.
    pub(crate) async fn call(&self, path: &str) -> Result<(), Status> {
        match path.rsplit('/').next().expect("a method") {
            "Recommend" => {
                let request = RecommendRequest {
                    tenant: self.tenant.clone(),
                    customer_id: self.customer.clone(),
                    ..RecommendRequest::default()
                };
                let mut recommend = RecommendServiceClient::new(self.link.clone());
                recommend.recommend(request).await.map(drop)
            }
            "Explain" => {
                let request = ExplainRequest {
                    tenant: self.tenant.clone(),
                    request_id: self.request_id.clone(),
                };
                let mut recommend = RecommendServiceClient::new(self.link.clone());
                recommend.explain(request).await.map(drop)
            }
            "GetCustomerProfile" => {
                let request = GetCustomerProfileRequest {
                    tenant: self.tenant.clone(),
                    customer_id: self.customer.clone(),
                };
                let mut profiles = CustomerProfileServiceClient::new(self.link.clone());
                profiles.get_customer_profile(request).await.map(drop)
            }
            method @ ("Quote" | "Verify" | "Accept") => self.quote(method).await,
            method @ ("Track" | "TrackMany") => self.event(method).await,
            other => panic!("{other} is new: add it, with its tenant and customer"),
        }
    }

    async fn quote(&self, method: &str) -> Result<(), Status> {
        let mut quotes = QuoteServiceClient::new(self.link.clone());
        let (tenant, customer_id) = (self.tenant.clone(), self.customer.clone());
        match method {
            "Quote" => {
                let request = QuoteRequest {
                    tenant,
                    customer_id,
                    product_id: "deposit-1".to_owned(),
                    idempotency_key: "k-1".to_owned(),
                    ..QuoteRequest::default()
                };
                quotes.quote(request).await.map(drop)
            }
            "Verify" => {
                let quote = Some(Quote {
                    tenant,
                    customer_id,
                    ..Quote::default()
                });
                quotes.verify(VerifyRequest { quote }).await.map(drop)
            }
            _ => {
                let request = AcceptRequest {
                    tenant,
                    quote_id: "q-1".to_owned(),
                    customer_id,
                };
                quotes.accept(request).await.map(drop)
            }
        }
    }

    async fn event(&self, method: &str) -> Result<(), Status> {
        let mut events = EventServiceClient::new(self.link.clone());
        let event = Event {
            tenant: self.tenant.clone(),
            customer_id: self.customer.clone(),
            kind: EventKind::AppOpened.into(),
            ..Event::default()
        };
        if method == "Track" {
            let event = Some(event);
            return events.track(TrackRequest { event }).await.map(drop);
        }
        let events_of_one = TrackManyRequest {
            events: vec![event],
            ..TrackManyRequest::default()
        };
        let answer = events.track_many(events_of_one).await?.into_inner();
        match answer.rejected.first() {
            // Each event is judged alone.
            Some(rejected) => Err(Status::permission_denied(&rejected.cause)),
            None => Ok(()),
        }
    }
}
