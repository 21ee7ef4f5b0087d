//! Who may call: every RPC and every REST path, without a key, with a wrong one, for another tenant.

use std::collections::BTreeSet;

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
use tonic::{Code, Status};

use crate::http_client::HttpCall;
use crate::setup::{PATIENCE, Setup, config_with_keys};

const KEY: &str = "key-of-acme";

async fn guarded() -> Setup {
    Setup::start_with(config_with_keys(&[(KEY, "acme", 10_000)])).await
}

/// The paths of the gateway's RPCs, as the contracts list them.
fn rpc_paths() -> BTreeSet<String> {
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

/// Every REST path with a request that is complete but for the key.
fn rest_calls() -> Vec<HttpCall> {
    let customer = r#"{"customerId":"c-1"}"#;
    let event = r#"{"event":{"customerId":"c-1","kind":"EVENT_KIND_APP_OPENED"}}"#;
    let events = r#"{"events":[{"customerId":"c-1","kind":"EVENT_KIND_APP_OPENED"}]}"#;
    let quote = r#"{"customerId":"c-1","productId":"deposit-1","idempotencyKey":"k"}"#;
    vec![
        HttpCall::post("/v1/recommend", customer),
        HttpCall::get("/v1/decisions/r-1"),
        HttpCall::post("/v1/quotes", quote),
        HttpCall::post("/v1/quotes/verify", "{}"),
        HttpCall::post("/v1/quotes/q-1/accept", customer),
        HttpCall::post("/v1/events", event),
        HttpCall::post("/v1/events/batch", events),
        HttpCall::get("/v1/customers/c-1/profile"),
    ]
}

#[tokio::test]
async fn without_a_known_key_no_rpc_answers() {
    let setup = guarded().await;
    for path in rpc_paths() {
        let missing = HttpCall::grpc(&path);
        let wrong = [
            missing.clone(),
            missing.clone().with_key("key-of-nobody"),
            missing.clone().with_key(""),
            missing.clone().with("authorization", KEY),
            missing.clone().with_key(&format!("{KEY}x")),
        ];
        for call in wrong {
            let answer = call.clone().send(setup.address).await;
            assert_eq!(answer.grpc_code(), Code::Unauthenticated, "{call:?}");
        }
        let answer = missing.with_key(KEY).send(setup.address).await;
        assert_ne!(answer.grpc_code(), Code::Unauthenticated, "{path}");
    }
}

#[tokio::test]
async fn without_a_known_key_no_rest_path_answers() {
    let setup = guarded().await;
    for call in rest_calls() {
        for refused in [call.clone(), call.clone().with_key("key-of-nobody")] {
            let answer = refused.clone().send(setup.address).await;
            assert_eq!(answer.status, 401, "{refused:?}");
            assert_eq!(answer.json()["error"]["code"], "Unauthenticated");
        }
        let answer = call.clone().with_key(KEY).send(setup.address).await;
        assert_ne!(answer.status, 401, "{call:?}");
    }
    let stubs = &setup.stubs;
    // A slate, a quote, an acceptance and the profile itself.
    assert_eq!(stubs.get_profile.calls().len(), 4, "those with the key");
}

#[tokio::test]
async fn health_reflection_and_documentation_need_no_key() {
    let setup = guarded().await;
    let answer = HttpCall::grpc("/grpc.health.v1.Health/Check")
        .send(setup.address)
        .await;
    assert_eq!(answer.grpc_code(), Code::Ok);
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let answer = HttpCall::grpc(path).send(setup.address).await;
        assert_ne!(answer.grpc_code(), Code::Unauthenticated);
    }
    for path in ["/openapi.json", "/docs"] {
        assert_eq!(HttpCall::get(path).send(setup.address).await.status, 200);
    }
}

#[tokio::test]
async fn a_call_that_passed_no_access_layer_is_refused_by_every_handler() {
    let mut setup = Setup::start().await;
    let bare = setup.serve_without_access_layer().await;
    for path in rpc_paths() {
        let answer = HttpCall::grpc(&path).send(bare).await;
        assert_eq!(answer.grpc_code(), Code::Internal, "{path}");
    }
    let in_process = setup.service.in_process();
    let profile = CustomerProfileServiceClient::new(in_process)
        .get_customer_profile(of_customer(""))
        .await;
    profile.expect("the process itself needs no key");
}

fn of_customer(tenant: &str) -> GetCustomerProfileRequest {
    GetCustomerProfileRequest {
        tenant: tenant.to_owned(),
        customer_id: "c-1".to_owned(),
    }
}

fn event(tenant: &str) -> Event {
    Event {
        tenant: tenant.to_owned(),
        customer_id: "c-1".to_owned(),
        kind: EventKind::AppOpened.into(),
        ..Event::default()
    }
}

/// Calls an RPC for `tenant` with the key of `acme`. The request is otherwise complete.
async fn call_for(setup: &Setup, path: &str, tenant: &str) -> Result<(), Status> {
    let link = setup.with_key(KEY);
    let (tenant, customer_id) = (tenant.to_owned(), "c-1".to_owned());
    let mut recommend = RecommendServiceClient::new(link.clone());
    match path.rsplit('/').next().expect("a method") {
        "Recommend" => {
            let request = RecommendRequest {
                tenant,
                customer_id,
                ..RecommendRequest::default()
            };
            recommend.recommend(request).await.map(drop)
        }
        "Explain" => {
            let request_id = "r-1".to_owned();
            let request = ExplainRequest { tenant, request_id };
            recommend.explain(request).await.map(drop)
        }
        "GetCustomerProfile" => {
            let mut profiles = CustomerProfileServiceClient::new(link);
            let request = of_customer(&tenant);
            profiles.get_customer_profile(request).await.map(drop)
        }
        method @ ("Quote" | "Verify" | "Accept") => quote_call_for(setup, method, tenant).await,
        method @ ("Track" | "TrackMany") => event_call_for(setup, method, tenant).await,
        other => panic!("{other} is new: add it, with its tenant"),
    }
}

async fn quote_call_for(setup: &Setup, method: &str, tenant: String) -> Result<(), Status> {
    let mut quotes = QuoteServiceClient::new(setup.with_key(KEY));
    let customer_id = "c-1".to_owned();
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

async fn event_call_for(setup: &Setup, method: &str, tenant: String) -> Result<(), Status> {
    let mut events = EventServiceClient::new(setup.with_key(KEY));
    if method == "Track" {
        let event = Some(event(&tenant));
        return events.track(TrackRequest { event }).await.map(drop);
    }
    let request = TrackManyRequest {
        events: vec![event(&tenant)],
    };
    let answer = events.track_many(request).await?.into_inner();
    match answer.rejected.first() {
        // Each event is judged alone.
        Some(rejected) => Err(Status::permission_denied(&rejected.cause)),
        None => Ok(()),
    }
}

#[tokio::test]
async fn a_key_speaks_for_its_own_tenant_on_every_rpc_and_for_no_other() {
    let setup = guarded().await;
    for path in rpc_paths() {
        let refused = call_for(&setup, &path, "other").await.expect_err(&path);
        assert_eq!(
            refused.code(),
            Code::PermissionDenied,
            "{path}: {refused:?}"
        );
        assert!(refused.message().contains("other"), "{path}: {refused:?}");
    }
    let stubs = &setup.stubs;
    assert!(stubs.get_profile.calls().is_empty());
    assert!(stubs.verify_quote.calls().is_empty());
    assert!(stubs.accept_quote.calls().is_empty());
    assert!(setup.logged_events().await.is_empty());
    for path in rpc_paths() {
        for own in ["", "acme"] {
            let answer = call_for(&setup, &path, own).await;
            // There is no decision to explain.
            let allowed = [None, Some(Code::NotFound)];
            let code = answer.err().map(|status| status.code());
            assert!(allowed.contains(&code), "{path} for `{own}`: {code:?}");
        }
    }
    let accepted = stubs.accept_quote.last_call().message.context;
    assert_eq!(accepted.expect("a context").tenant, "acme");
}

#[tokio::test]
async fn a_key_speaks_for_no_other_tenant_over_rest() {
    let setup = guarded().await;
    let named = r#"{"tenant":"other","customerId":"c-1"}"#;
    let quote =
        r#"{"tenant":"other","customerId":"c-1","productId":"deposit-1","idempotencyKey":"k"}"#;
    let event = r#"{"event":{"tenant":"other","customerId":"c-1","kind":"EVENT_KIND_APP_OPENED"}}"#;
    let header = |call: HttpCall| call.with("x-fairlead-tenant", "other");
    let calls = [
        HttpCall::post("/v1/recommend", named),
        header(HttpCall::get("/v1/decisions/r-1")),
        HttpCall::post("/v1/quotes", quote),
        HttpCall::post("/v1/quotes/verify", r#"{"quote":{"tenant":"other"}}"#),
        HttpCall::post("/v1/quotes/q-1/accept", named),
        HttpCall::post("/v1/events", event),
        header(HttpCall::get("/v1/customers/c-1/profile")),
    ];
    for call in calls {
        let answer = call.clone().with_key(KEY).send(setup.address).await;
        assert_eq!(answer.status, 403, "{call:?}");
        let error = &answer.json()["error"];
        assert_eq!(error["reason"], "OTHER_TENANT", "{call:?}");
        assert_eq!(error["details"]["value"], "other", "{call:?}");
    }
}

#[tokio::test]
async fn without_keys_in_the_configuration_anyone_may_call_for_any_tenant() {
    let setup = Setup::start().await;
    let mut profiles = setup.profiles();
    for (named, asked) in [("", "acme"), ("other", "other")] {
        let answer = profiles.get_customer_profile(of_customer(named)).await;
        answer.expect("a profile");
        let call = setup.stubs.get_profile.last_call();
        assert_eq!(call.message.tenant, asked);
    }
}

#[tokio::test]
async fn a_key_that_is_used_too_often_is_refused_until_a_token_comes_back() {
    let keys = [("slow", "acme", 1), ("fast", "acme", 10_000)];
    let setup = Setup::start_with(config_with_keys(&keys)).await;
    let slow = || async {
        let mut profiles = CustomerProfileServiceClient::new(setup.with_key("slow"));
        let answer = profiles.get_customer_profile(of_customer("")).await;
        answer.map(drop)
    };
    slow().await.expect("the first");
    let refused = async {
        loop {
            if let Err(status) = slow().await {
                return status;
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("more than one call a second");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    assert!(refused.message().contains("more than 1 requests"));
    let mut fast = CustomerProfileServiceClient::new(setup.with_key("fast"));
    let answer = fast.get_customer_profile(of_customer("")).await;
    answer.expect("another key has a bucket of its own");
    let again = async { while slow().await.is_err() {} };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("a token comes back");
}
