//! Who may call: every RPC and every REST path, without a key, with a wrong one, for another tenant.

use fairlead_proto::gateway::v1::GetCustomerProfileRequest;
use fairlead_proto::gateway::v1::customer_profile_service_client::CustomerProfileServiceClient;
use sha2::Digest as _;
use tonic::{Code, Status};

use crate::calls::{Calls, Credentials, rpc_paths};
use crate::http_client::HttpCall;
use crate::setup::{PATIENCE, Setup, config, config_with_keys};

const KEY: &str = "key-of-acme";

async fn guarded() -> Setup {
    Setup::start_with(config_with_keys(&[(KEY, "acme", 10_000)])).await
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
async fn health_needs_no_key_and_what_describes_the_methods_needs_one() {
    let setup = guarded().await;
    let answer = HttpCall::grpc("/grpc.health.v1.Health/Check")
        .send(setup.address)
        .await;
    assert_eq!(answer.grpc_code(), Code::Ok);
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let refused = HttpCall::grpc(&path).send(setup.address).await;
        assert_eq!(refused.grpc_code(), Code::Unauthenticated);
        let answer = HttpCall::grpc(&path).with_key(KEY);
        let answer = answer.send(setup.address).await;
        assert_ne!(answer.grpc_code(), Code::Unauthenticated);
    }
    for path in ["/openapi.json", "/docs"] {
        let call = HttpCall::get(path);
        assert_eq!(call.clone().send(setup.address).await.status, 401);
        assert_eq!(call.with_key(KEY).send(setup.address).await.status, 200);
    }
    // Nothing below the name of an open method is open.
    let below = HttpCall::grpc("/grpc.health.x/y").send(setup.address).await;
    assert_ne!(below.grpc_code(), Code::Ok);
}

#[tokio::test]
async fn a_call_that_passed_no_access_layer_is_refused_by_every_handler() {
    let mut setup = Setup::start().await;
    let bare = setup.serve_without_access_layer().await;
    for path in rpc_paths() {
        let answer = HttpCall::grpc(&path).send(bare).await;
        assert_eq!(answer.grpc_code(), Code::Unauthenticated, "{path}");
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

/// Calls an RPC for `tenant` with the key of `acme`. The request is otherwise complete.
async fn call_for(setup: &Setup, path: &str, tenant: &str) -> Result<(), Status> {
    let calls = Calls {
        link: setup.link_with(Credentials::bearer(KEY)),
        tenant: tenant.to_owned(),
        customer: "c-1".to_owned(),
        request_id: "r-1".to_owned(),
    };
    calls.call(path).await
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
async fn without_keys_in_the_configuration_anyone_may_call_for_the_gateways_tenant() {
    let setup = Setup::start().await;
    let mut profiles = setup.profiles();
    for named in ["", "acme"] {
        let answer = profiles.get_customer_profile(of_customer(named)).await;
        answer.expect("a profile");
        let call = setup.stubs.get_profile.last_call();
        assert_eq!(call.message.tenant, "acme");
    }
    let asked = setup.stubs.get_profile.calls().len();
    for path in rpc_paths() {
        let calls = Calls {
            link: setup.link_with(Credentials::default()),
            tenant: "other".to_owned(),
            customer: "c-1".to_owned(),
            request_id: "r-1".to_owned(),
        };
        let refused = calls.call(&path).await.expect_err(&path);
        assert_eq!(refused.code(), Code::PermissionDenied, "{path}");
    }
    assert_eq!(setup.stubs.get_profile.calls().len(), asked);
}

#[tokio::test]
async fn a_key_may_be_configured_by_its_hash() {
    let mut config = config_with_keys(&[(KEY, "acme", 10_000)]);
    let rights = config.api_keys.remove(KEY).expect("the key");
    let hash = sha2::Sha256::digest(KEY.as_bytes());
    let hashed = format!("sha256:{}", hex::encode(hash));
    config.api_keys.insert(hashed.clone(), rights);
    let setup = Setup::start_with(config).await;
    for (key, known) in [(KEY, true), (&hashed[..], false), (&hashed[7..], false)] {
        let calls = Calls {
            link: setup.link_with(Credentials::bearer(key)),
            tenant: String::new(),
            customer: "c-1".to_owned(),
            request_id: "r-1".to_owned(),
        };
        let answer = calls.call("/Recommend").await;
        assert_eq!(answer.is_ok(), known, "{key}: {answer:?}");
    }
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say_and_no_more() {
    let permission = |path: &str| match path.rsplit('/').next().expect("a method") {
        "Recommend" => "recommend",
        "Explain" => "decision.read",
        "GetCustomerProfile" => "customer.read",
        "Track" | "TrackMany" => "event.send",
        _ => "quote",
    };
    let scopes = [
        "recommend",
        "decision.read",
        "customer.read",
        "event.send",
        "quote",
    ];
    let mut config = config();
    for scope in scopes {
        let rights = serde_json::json!({
            "tenant": "acme", "requests_per_second": 10_000, "scopes": [scope],
        });
        let rights = serde_json::from_value(rights).expect("rights");
        config.api_keys.insert(scope.to_owned(), rights);
    }
    let partner = serde_json::json!({
        "tenant": "acme", "requests_per_second": 10_000, "origin": "partner",
    });
    let partner = serde_json::from_value(partner).expect("rights");
    config.api_keys.insert("partner".to_owned(), partner);
    let setup = Setup::start_with(config).await;
    for path in rpc_paths() {
        for key in scopes.into_iter().chain(["partner"]) {
            let calls = Calls {
                link: setup.link_with(Credentials::bearer(key)),
                tenant: String::new(),
                customer: "c-1".to_owned(),
                request_id: "r-1".to_owned(),
            };
            let code = calls.call(&path).await.err().map(|status| status.code());
            let needed = permission(&path);
            let hidden = ["customer.read", "decision.read"].contains(&needed);
            let may = key == needed || (key == "partner" && !hidden);
            let refused = code == Some(Code::PermissionDenied);
            assert_eq!(refused, !may, "{path} with {key}: {code:?}");
        }
    }
}

#[tokio::test]
async fn a_rest_path_needs_the_permission_of_its_method() {
    let mut config = config();
    let rights = serde_json::json!({
        "tenant": "acme", "requests_per_second": 10_000, "scopes": ["recommend"],
    });
    let rights = serde_json::from_value(rights).expect("rights");
    config.api_keys.insert(KEY.to_owned(), rights);
    let setup = Setup::start_with(config).await;
    for (index, call) in rest_calls().into_iter().enumerate() {
        let answer = call.clone().with_key(KEY).send(setup.address).await;
        if index == 0 {
            assert_eq!(answer.status, 200, "{call:?}");
        } else {
            assert_eq!(answer.status, 403, "{call:?}");
            assert_eq!(answer.json()["error"]["reason"], "PERMISSION_DENIED");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_used_too_often_is_refused_until_a_token_comes_back() {
    let keys = [("slow", "acme", 1), ("fast", "acme", 10_000)];
    let setup = Setup::start_with(config_with_keys(&keys)).await;
    let slow = || async {
        let mut profiles =
            CustomerProfileServiceClient::new(setup.link_with(Credentials::bearer("slow")));
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
    let mut fast = CustomerProfileServiceClient::new(setup.link_with(Credentials::bearer("fast")));
    let answer = fast.get_customer_profile(of_customer("")).await;
    answer.expect("another key has a bucket of its own");
    let again = async { while slow().await.is_err() {} };
    tokio::time::timeout(PATIENCE, again)
        .await
        .expect("a token comes back");
}
