//! Customers with the lender's own token: `sub` is the only customer that a call may name.

use std::collections::BTreeMap;

use fairlead_event_log::{EventLog as _, Record};
use fairlead_gateway::topics::DECISIONS;
use fairlead_gateway::{Config, CustomerTokensConfig};
use fairlead_proto::decision::v1::DecisionRecord;
use fairlead_proto::event::v1::{Event, EventKind};
use fairlead_proto::gateway::v1::TrackManyRequest;
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::profile::v1::FindDecisionResponse;
use fairlead_testkit::{TokenIssuer, TokenKey};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::calls::{Calls, Credentials, rpc_paths};
use crate::http_client::HttpCall;
use crate::releases::NOW_MS;
use crate::setup::{Setup, config_with_keys};

const KEY: &str = "key-of-the-app";
const ISSUER: &str = "https://id.bank.example";
const AUDIENCE: &str = "fairlead";
const NOW: i64 = NOW_MS / 1_000;

/// A gateway with an app's key that takes the tokens of an issuer.
struct Customers {
    setup: Setup,
    key: TokenKey,
    issuer: TokenIssuer,
}

fn config_for(issuer: &TokenIssuer, requests_per_second: u32) -> Config {
    Config {
        customer_tokens: Some(CustomerTokensConfig {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            jwks_url: issuer.jwks_url(),
            tenant: String::new(),
            requests_per_second,
            algorithms: Vec::new(),
            leeway_seconds: 0,
        }),
        ..config_with_keys(&[(KEY, "acme", 100_000)])
    }
}

fn claims(customer: &str) -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": customer, "exp": NOW + 60})
}

impl Customers {
    async fn start() -> Self {
        let key = TokenKey::es256("k-1");
        let issuer = TokenIssuer::start(&[&key]).expect("an issuer");
        let setup = Setup::start_with(config_for(&issuer, 100_000)).await;
        let all = Self { setup, key, issuer };
        all.decide_for(&["c-1", "c-2"]).await;
        all
    }

    /// Puts a decision record of each customer into log and index; the request is named as the customer.
    async fn decide_for(&self, customers: &[&str]) {
        let mut positions = BTreeMap::new();
        for customer in customers {
            let record = DecisionRecord {
                tenant: "acme".to_owned(),
                request_id: (*customer).to_owned(),
                customer_id: (*customer).to_owned(),
                ..DecisionRecord::default()
            };
            let key = format!("acme/{customer}");
            let record = Record::new(key, record.encode_to_vec());
            let appended = self.setup.log.append(DECISIONS, vec![record]).await;
            positions.insert((*customer).to_owned(), appended.expect("appended")[0]);
        }
        self.setup.stubs.find_decision.answer(move |asked| {
            let position = positions.get(&asked.request_id);
            Ok(FindDecisionResponse {
                offset: position.map(|position| position.offset),
                ..FindDecisionResponse::default()
            })
        });
    }

    fn token(&self, customer: &str) -> String {
        self.key.token(&claims(customer))
    }

    /// The calls of `c-1`: with the token alone, and with the app's key beside it.
    fn both_ways(&self, named: &str) -> [Calls; 2] {
        let token = self.token("c-1");
        let ways = [
            Credentials::bearer(&token),
            Credentials::bearer(KEY).and_token(&token),
        ];
        ways.map(|credentials| self.calls(credentials, named))
    }

    fn calls(&self, credentials: Credentials, named: &str) -> Calls {
        Calls {
            link: self.setup.link_with(credentials),
            tenant: String::new(),
            customer: named.to_owned(),
            request_id: if named.is_empty() { "c-1" } else { named }.to_owned(),
        }
    }

    async fn recommend(&self, credentials: Credentials) -> Result<(), Status> {
        self.calls(credentials, "").call("/Recommend").await
    }
}

#[tokio::test]
async fn a_customer_names_itself_on_every_rpc_and_nobody_else() {
    let all = Customers::start().await;
    for path in rpc_paths() {
        for calls in all.both_ways("c-2") {
            let refused = calls.call(&path).await.expect_err(&path);
            assert_eq!(
                refused.code(),
                Code::PermissionDenied,
                "{path}: {refused:?}"
            );
            assert!(refused.message().contains("`c-2`"), "{path}: {refused:?}");
        }
    }
    let stubs = &all.setup.stubs;
    assert!(stubs.get_profile.calls().is_empty());
    assert!(stubs.create_quote.calls().is_empty());
    assert!(stubs.verify_quote.calls().is_empty());
    assert!(stubs.accept_quote.calls().is_empty());
    assert!(all.setup.logged_events().await.is_empty());
    for path in rpc_paths() {
        for calls in all.both_ways("c-1") {
            calls.call(&path).await.expect(&path);
        }
    }
    let accepted = stubs.accept_quote.last_call().message.context;
    assert_eq!(accepted.expect("a context").customer_id, "c-1");
}

#[tokio::test]
async fn a_customer_that_is_not_named_is_the_tokens() {
    let all = Customers::start().await;
    for calls in all.both_ways("") {
        for method in [
            "/Recommend",
            "/Quote",
            "/Accept",
            "/GetCustomerProfile",
            "/Track",
        ] {
            calls.call(method).await.expect(method);
        }
    }
    let stubs = &all.setup.stubs;
    for call in stubs.get_profile.calls() {
        assert_eq!(call.message.customer_id, "c-1");
    }
    let accepted = stubs.accept_quote.last_call().message.context;
    assert_eq!(accepted.expect("a context").customer_id, "c-1");
    let tracked = all.setup.logged_events().await;
    assert!(tracked.iter().all(|event| event.customer_id == "c-1"));
}

#[tokio::test]
async fn of_many_events_those_of_other_customers_are_refused_and_the_rest_is_kept() {
    let all = Customers::start().await;
    let event = |customer: &str| Event {
        customer_id: customer.to_owned(),
        kind: EventKind::AppOpened.into(),
        ..Event::default()
    };
    let events = vec![event("c-2"), event("c-1"), event(""), event("c-3")];
    let link = all.setup.link_with(Credentials::bearer(&all.token("c-1")));
    let mut client = EventServiceClient::new(link);
    let request = TrackManyRequest {
        events,
        ..TrackManyRequest::default()
    };
    let answer = client.track_many(request).await;
    let answer = answer.expect("judged").into_inner();
    let refused: Vec<_> = answer.rejected.iter().map(|one| one.index).collect();
    assert_eq!((answer.accepted, &refused[..]), (2, &[0, 3][..]));
    let logged = all.setup.logged_events().await;
    let customers: Vec<_> = logged.iter().map(|one| one.customer_id.as_str()).collect();
    assert_eq!(customers, ["c-1", "c-1"]);
}

#[tokio::test]
async fn over_rest_the_same_holds() {
    let all = Customers::start().await;
    let other = r#"{"customerId":"c-2"}"#;
    let quote = r#"{"customerId":"c-2","productId":"deposit-1","idempotencyKey":"k"}"#;
    let event = r#"{"event":{"customerId":"c-2","kind":"EVENT_KIND_APP_OPENED"}}"#;
    let calls = [
        HttpCall::post("/v1/recommend", other),
        HttpCall::get("/v1/decisions/c-2"),
        HttpCall::post("/v1/quotes", quote),
        HttpCall::post("/v1/quotes/verify", r#"{"quote":{"customerId":"c-2"}}"#),
        HttpCall::post("/v1/quotes/q-1/accept", other),
        HttpCall::post("/v1/events", event),
        HttpCall::get("/v1/customers/c-2/profile"),
    ];
    let token = all.token("c-1");
    for call in calls {
        let alone = call.clone().with_key(&token);
        let beside = call.with_key(KEY).with("x-customer-token", token.clone());
        for call in [alone, beside] {
            let answer = call.clone().send(all.setup.address).await;
            assert_eq!(answer.status, 403, "{call:?}");
            let error = &answer.json()["error"];
            assert_eq!(error["reason"], "OTHER_CUSTOMER", "{call:?}");
            assert_eq!(error["details"]["value"], "c-2", "{call:?}");
        }
    }
    let own = HttpCall::get("/v1/customers/c-1/profile").with_key(&token);
    assert_eq!(own.send(all.setup.address).await.status, 200);
}

#[tokio::test]
async fn a_bad_token_is_refused_and_the_refusal_says_why() {
    let all = Customers::start().await;
    let with = |name: &str, value: Value| {
        let mut claims = claims("c-1");
        claims[name] = value;
        all.key.token(&claims)
    };
    let none = all
        .key
        .token_with(&json!({"alg": "none", "kid": "k-1"}), &claims("c-1"));
    let table = [
        (with("exp", json!(NOW)), "has expired"),
        (with("nbf", json!(NOW + 1)), "not valid yet"),
        (with("aud", json!("other")), "another audience"),
        (with("iss", json!("https://x.example")), "another issuer"),
        (with("sub", json!("a/b\n")), "no id of a customer"),
        (none, "algorithm is not allowed"),
        (TokenKey::es256("k-2").token(&claims("c-1")), "unknown key"),
        (
            TokenKey::es256("k-1").token(&claims("c-1")),
            "signature is wrong",
        ),
        ("a.b".to_owned(), "not a well-formed"),
        ("a.b.c".to_owned(), "not a well-formed"),
    ];
    for (token, why) in table {
        let ways = [
            Credentials::bearer(&token),
            Credentials::bearer(KEY).and_token(&token),
        ];
        for credentials in ways {
            let refused = all.recommend(credentials).await.expect_err(why);
            assert_eq!(refused.code(), Code::Unauthenticated, "{why}: {refused:?}");
            assert!(refused.message().contains(why), "{why}: {refused:?}");
            assert!(!refused.message().contains(&token), "{refused:?}");
        }
    }
    assert!(all.setup.stubs.get_profile.calls().is_empty());
}

#[tokio::test]
async fn a_token_beside_a_key_is_never_ignored() {
    let all = Customers::start().await;
    let (one, other) = (all.token("c-1"), all.token("c-2"));
    // The key alone speaks for every customer.
    all.calls(Credentials::bearer(KEY), "c-9")
        .call("/GetCustomerProfile")
        .await
        .expect("the app itself");
    let refused = [
        // An empty token, two tokens, and bytes that are no text.
        HttpCall::get("/v1/customers/c-9/profile").with("x-customer-token", ""),
        HttpCall::get("/v1/customers/c-1/profile")
            .with("x-customer-token", one.clone())
            .with("x-customer-token", other.clone()),
        HttpCall::get("/v1/customers/c-9/profile").with("x-customer-token", "\u{e9}"),
    ];
    for call in refused {
        let answer = call.clone().with_key(KEY).send(all.setup.address).await;
        assert_eq!(answer.status, 401, "{call:?}");
    }
    let two = Credentials::bearer(&one).and_token(&other);
    let refused = all.recommend(two).await.expect_err("two customers");
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    let unknown_key = Credentials::bearer("key-of-nobody").and_token(&one);
    let refused = all.recommend(unknown_key).await.expect_err("no such key");
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    // Where no tokens are taken, one is refused and not overlooked.
    let without = Setup::start_with(config_with_keys(&[(KEY, "acme", 100)])).await;
    let call = HttpCall::get("/v1/customers/c-9/profile").with_key(KEY);
    let answer = call
        .with("x-customer-token", one)
        .send(without.address)
        .await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.json()["error"]["message"]
            .to_string()
            .contains("gateway.customer_tokens")
    );
}

#[tokio::test]
async fn while_the_issuer_is_away_before_its_keys_were_read_calls_are_told_to_come_again() {
    let key = TokenKey::es256("k-1");
    let issuer = TokenIssuer::start(&[&key]).expect("an issuer");
    issuer.answer_with(503, "", "");
    let setup = Setup::start_with(config_for(&issuer, 100)).await;
    let all = Customers { setup, key, issuer };
    let token = all.token("c-1");
    let refused = all.recommend(Credentials::bearer(&token)).await;
    let refused = refused.expect_err("no keys");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(all.issuer.requests() > 0);
    let key = all.recommend(Credentials::bearer(KEY)).await;
    let refused = key.expect_err("no customer is named").code();
    assert_eq!(
        refused,
        Code::InvalidArgument,
        "keys are known without the issuer"
    );
}

#[tokio::test]
async fn each_customer_has_a_bucket_of_its_own() {
    let key = TokenKey::es256("k-1");
    let issuer = TokenIssuer::start(&[&key]).expect("an issuer");
    let setup = Setup::start_with(config_for(&issuer, 1)).await;
    let all = Customers { setup, key, issuer };
    let (busy, calm) = (all.token("c-1"), all.token("c-2"));
    let refused = async {
        loop {
            if let Err(status) = all.recommend(Credentials::bearer(&busy)).await {
                return status;
            }
        }
    };
    let refused = tokio::time::timeout(crate::setup::PATIENCE, refused);
    let refused = refused.await.expect("more than one call a second");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    let other = all.recommend(Credentials::bearer(&calm)).await;
    other.expect("another customer");
}

#[tokio::test]
async fn with_customer_tokens_and_no_keys_nobody_calls_without_a_token() {
    let key = TokenKey::es256("k-1");
    let issuer = TokenIssuer::start(&[&key]).expect("an issuer");
    let mut config = config_for(&issuer, 100);
    config.api_keys.clear();
    let setup = Setup::start_with(config).await;
    let all = Customers { setup, key, issuer };
    for credentials in [Credentials::default(), Credentials::bearer("x")] {
        let refused = all.recommend(credentials).await.expect_err("nobody");
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    }
    let token = all.token("c-1");
    all.recommend(Credentials::bearer(&token))
        .await
        .expect("a customer");
}
