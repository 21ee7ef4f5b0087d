//! Deadlines: every call outwards carries one, the caller's own where it is shorter, and every RPC
//! answers by it, whatever hangs.

use std::time::Duration;

use fairlead_gateway::{Config, StageShares};
use fairlead_proto::gateway::v1::{
    AcceptRequest, GetCustomerProfileRequest, TrackRequest, VerifyRequest,
};
use fairlead_proto::pricing::v1::VerifyQuoteResponse;
use fairlead_proto::profile::v1::FindDecisionResponse;
use serde_json::json;
use tonic::{Code, Request};

use crate::events::opened;
use crate::http_client::{HttpAnswer, HttpCall};
use crate::log_valve::Valve;
use crate::quotes::quote_request;
use crate::setup::{PATIENCE, Setup, config};
use crate::slates::request;
use crate::stub::Stub;

/// The gateway's own deadline: longer than any test waits.
const OWN: Duration = Duration::from_mins(1);
/// The caller's.
const SHORT: Duration = Duration::from_secs(3);

async fn patient() -> Setup {
    let config = Config {
        deadline_ms: OWN.as_millis() as u64,
        // What is not to hang has time on a slow machine too.
        shares: StageShares {
            profile: 0.9,
            ..StageShares::default()
        },
        ..config()
    };
    Setup::start_with(config).await
}

/// Calls over REST with the caller's deadline, and returns the answer. The client has no deadline: where
/// the gateway waits for what hangs, there is no answer.
async fn in_time(setup: &Setup, call: HttpCall) -> HttpAnswer {
    let call = call.with("grpc-timeout", format!("{}m", SHORT.as_millis()));
    let answer = tokio::time::timeout(PATIENCE, call.clone().send(setup.address)).await;
    answer.unwrap_or_else(|_| panic!("no answer to {call:?}"))
}

/// Checks that a stub's newest call had at most `longest` left.
fn was_bounded<Q: Clone, A>(stub: &Stub<Q, A>, longest: Duration) {
    let left = stub.last_call().time_left;
    assert!(left.is_some_and(|left| left <= longest), "{left:?}");
}

fn profile_call() -> HttpCall {
    HttpCall::get("/v1/customers/c-1/profile")
}

fn quote_call() -> HttpCall {
    let body = json!({"customerId": "c-1", "productId": "deposit-1", "idempotencyKey": "k"});
    HttpCall::post("/v1/quotes", body.to_string())
}

fn accept_call() -> HttpCall {
    HttpCall::post("/v1/quotes/q-1/accept", r#"{"customerId":"c-1"}"#)
}

fn recommend_call() -> HttpCall {
    HttpCall::post("/v1/recommend", r#"{"customerId":"c-1"}"#)
}

fn track_call() -> HttpCall {
    let body = json!({"event": {"customerId": "c-1", "kind": "EVENT_KIND_APP_OPENED"}});
    HttpCall::post("/v1/events", body.to_string())
}

fn track_many_call() -> HttpCall {
    let body = json!({"events": [{"customerId": "c-1", "kind": "EVENT_KIND_APP_OPENED"}]});
    HttpCall::post("/v1/events/batch", body.to_string())
}

#[tokio::test]
async fn a_slate_comes_in_time_though_every_service_hangs() {
    let setup = patient().await;
    let stubs = &setup.stubs;
    stubs.get_profile.hang();
    stubs.recall.hang();
    stubs.rank.hang();
    stubs.price_many.hang();
    let answer = in_time(&setup, recommend_call()).await;
    assert_eq!(answer.status, 200);
    let degraded = answer.json()["degraded"].clone();
    let stages: Vec<&str> = degraded
        .as_array()
        .expect("named")
        .iter()
        .filter_map(|one| one["stage"].as_str())
        .collect();
    assert_eq!(stages, ["profile", "recall", "pricing"]);
    was_bounded(&stubs.get_profile, SHORT);
    was_bounded(&stubs.recall, SHORT);
    was_bounded(&stubs.price_many, SHORT);
}

#[tokio::test]
async fn a_profile_is_given_up_at_the_callers_deadline() {
    let setup = patient().await;
    setup.stubs.get_profile.hang();
    assert_eq!(in_time(&setup, profile_call()).await.status, 504);
    was_bounded(&setup.stubs.get_profile, SHORT);
}

#[tokio::test]
async fn a_quote_is_given_up_at_the_callers_deadline() {
    let setup = patient().await;
    setup.stubs.create_quote.hang();
    assert_eq!(in_time(&setup, quote_call()).await.status, 504);
    was_bounded(&setup.stubs.create_quote, SHORT);
    setup.stubs.get_profile.hang();
    // A stage has a share of the time; without it there is no quote.
    assert_eq!(in_time(&setup, quote_call()).await.status, 503);
    was_bounded(&setup.stubs.get_profile, SHORT);
}

#[tokio::test]
async fn a_quote_does_not_wait_longer_for_the_log_than_its_caller() {
    let setup = patient().await;
    setup.log.set(Valve::Shut);
    assert_eq!(in_time(&setup, quote_call()).await.status, 503);
}

#[tokio::test]
async fn a_verification_is_given_up_at_the_callers_deadline() {
    let setup = patient().await;
    setup.stubs.verify_quote.hang();
    let call = HttpCall::post("/v1/quotes/verify", "{}");
    assert_eq!(in_time(&setup, call).await.status, 504);
    was_bounded(&setup.stubs.verify_quote, SHORT);
}

#[tokio::test]
async fn an_acceptance_is_given_up_at_the_callers_deadline() {
    let setup = patient().await;
    setup.stubs.accept_quote.hang();
    assert_eq!(in_time(&setup, accept_call()).await.status, 504);
    was_bounded(&setup.stubs.accept_quote, SHORT);
}

#[tokio::test]
async fn events_do_not_wait_longer_for_the_log_than_their_caller() {
    let setup = patient().await;
    setup.log.set(Valve::Shut);
    for call in [track_call(), track_many_call()] {
        let answer = in_time(&setup, call).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.json()["error"]["details"]["dependency"], "event log");
    }
}

#[tokio::test]
async fn an_explanation_does_not_wait_longer_for_the_log_than_its_caller() {
    let setup = patient().await;
    setup.log.set(Valve::Shut);
    setup.stubs.find_decision.answer(|_| {
        Ok(FindDecisionResponse {
            offset: Some(0),
            ..FindDecisionResponse::default()
        })
    });
    let call = HttpCall::get("/v1/decisions/r-1");
    assert_eq!(in_time(&setup, call).await.status, 503);
}

#[tokio::test]
async fn an_explanation_does_not_wait_longer_for_the_index_than_its_caller() {
    let setup = patient().await;
    setup.stubs.find_decision.hang();
    let call = HttpCall::get("/v1/decisions/r-1");
    assert_eq!(in_time(&setup, call).await.status, 503);
    was_bounded(&setup.stubs.find_decision, SHORT);
}

#[tokio::test]
async fn a_callers_shorter_deadline_reaches_the_services_over_grpc() {
    let setup = patient().await;
    let stubs = &setup.stubs;
    let limit = Duration::from_secs(20);
    fn within<T>(limit: Duration, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(limit);
        request
    }
    let slate = within(limit, request("c-1"));
    setup
        .recommendations()
        .recommend(slate)
        .await
        .expect("a slate");
    was_bounded(&stubs.get_profile, limit);
    was_bounded(&stubs.recall, limit);
    was_bounded(&stubs.rank, limit);
    was_bounded(&stubs.price_many, limit);
    let quote = within(limit, quote_request("k-1"));
    setup.quotes().quote(quote).await.expect("a quote");
    was_bounded(&stubs.get_profile, limit);
    was_bounded(&stubs.create_quote, limit);
    let verify = within(limit, VerifyRequest::default());
    setup.quotes().verify(verify).await.expect("an answer");
    was_bounded(&stubs.verify_quote, limit);
    let accept = AcceptRequest {
        customer_id: "c-1".to_owned(),
        ..AcceptRequest::default()
    };
    setup
        .quotes()
        .accept(within(limit, accept))
        .await
        .expect("accepted");
    was_bounded(&stubs.accept_quote, limit);
    let profile = GetCustomerProfileRequest {
        customer_id: "c-1".to_owned(),
        ..GetCustomerProfileRequest::default()
    };
    let answer = setup
        .profiles()
        .get_customer_profile(within(limit, profile))
        .await;
    answer.expect("a profile");
    was_bounded(&stubs.get_profile, limit);
}

#[tokio::test]
async fn a_caller_without_a_deadline_gets_the_gateways() {
    let own = Duration::from_secs(3);
    let setup = Setup::start_with(Config {
        deadline_ms: own.as_millis() as u64,
        ..config()
    })
    .await;
    let stubs = &setup.stubs;
    let status = async |call: HttpCall| {
        let answer = tokio::time::timeout(PATIENCE, call.send(setup.address)).await;
        answer.expect("an answer").status
    };
    stubs.verify_quote.hang();
    assert_eq!(status(HttpCall::post("/v1/quotes/verify", "{}")).await, 504);
    stubs.accept_quote.hang();
    assert_eq!(status(accept_call()).await, 504);
    // Only now: an acceptance asks for the profile first.
    stubs.get_profile.hang();
    assert_eq!(status(profile_call()).await, 504);
    was_bounded(&stubs.verify_quote, own);
    was_bounded(&stubs.accept_quote, own);
    was_bounded(&stubs.get_profile, own);
}

#[tokio::test]
async fn what_was_given_up_is_not_waited_for_the_next_time() {
    let setup = patient().await;
    setup.log.set(Valve::Shut);
    assert_eq!(in_time(&setup, track_call()).await.status, 503);
    setup.log.set(Valve::Open);
    let event = Some(opened("c-1"));
    let answer = setup.events().track(TrackRequest { event }).await;
    answer.expect("the log is back");
    setup.stubs.verify_quote.hang();
    let mut request = Request::new(VerifyRequest::default());
    request.set_timeout(SHORT);
    let late = setup.quotes().verify(request).await.expect_err("it hangs");
    assert!(matches!(
        late.code(),
        Code::DeadlineExceeded | Code::Cancelled
    ));
    let answer = VerifyQuoteResponse::default();
    setup.stubs.verify_quote.answer(move |_| Ok(answer));
    let answer = setup.quotes().verify(VerifyRequest::default()).await;
    answer.expect("the service is back");
}
