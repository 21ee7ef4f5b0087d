//! REST: every path, and every way to be refused.

use serde_json::{Value, json};
use tonic::Code;

use crate::http_client::HttpCall;
use crate::log_valve::Valve;
use crate::setup::Setup;

async fn post(setup: &Setup, path: &str, body: Value) -> (u16, Value) {
    let answer = HttpCall::post(path, body.to_string())
        .send(setup.address)
        .await;
    (answer.status, answer.json())
}

async fn get(setup: &Setup, path: &str) -> (u16, Value) {
    let answer = HttpCall::get(path).send(setup.address).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_slate_over_rest_has_the_canonical_json() {
    let setup = Setup::start().await;
    let body = json!({"customerId": "c-1", "slateSize": 2, "kinds": ["PRODUCT_KIND_DEPOSIT"]});
    let (status, answer) = post(&setup, "/v1/recommend", body).await;
    assert_eq!(status, 200, "{answer}");
    let items = answer["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["productId"], "fund-1");
    assert_eq!(items[0]["kind"], "PRODUCT_KIND_FUND");
    // 64-bit integers are strings.
    assert_eq!(items[0]["price"]["ratePpm"], "15000");
    assert_eq!(answer["personalised"], true);
    let asked = setup.stubs.recall.last_call().message;
    assert_eq!(asked.kinds, [5]);
}

#[tokio::test]
async fn a_quote_is_made_explained_verified_and_accepted_over_rest() {
    let setup = Setup::start().await;
    let body = json!({
        "customerId": "c-1",
        "productId": "deposit-1",
        "amount": {"minor": "70000", "currency": "CNY"},
        "tenorMonths": 12,
        "idempotencyKey": "k-1",
    });
    let (status, answer) = post(&setup, "/v1/quotes", body).await;
    assert_eq!(status, 200, "{answer}");
    let quote = answer["quote"].clone();
    assert_eq!(quote["quoteId"], "q-k-1");
    let request_id = answer["requestId"].as_str().expect("an id");
    let (status, answer) = get(&setup, &format!("/v1/decisions/{request_id}")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["record"]["quote"]["quoteId"], "q-k-1");
    let (status, answer) = post(&setup, "/v1/quotes/verify", json!({"quote": quote})).await;
    assert_eq!(
        (status, &answer["genuine"]),
        (200, &json!(true)),
        "{answer}"
    );
    let sent = setup.stubs.verify_quote.last_call().message.quote;
    assert_eq!(sent.expect("the quote").quote_id, "q-k-1");
    let body = json!({"customerId": "c-1", "quoteId": "the path says which"});
    let (status, answer) = post(&setup, "/v1/quotes/q-k-1/accept", body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["quote"]["quoteId"], "q-k-1");
}

#[tokio::test]
async fn events_are_taken_over_rest() {
    let setup = Setup::start().await;
    let event = json!({"customerId": "c-1", "kind": "EVENT_KIND_CLICK", "productId": "fund-1"});
    let (status, answer) = post(&setup, "/v1/events", json!({"event": event})).await;
    assert_eq!(status, 200, "{answer}");
    let event_id = answer["eventId"].as_str().expect("an id").to_owned();
    assert_eq!(setup.logged_events().await[0].event_id, event_id);
    let body = json!({"events": [event, {"customerId": "c-2"}]});
    let (status, answer) = post(&setup, "/v1/events/batch", body).await;
    assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer}");
    assert_eq!(answer["rejected"][0]["index"], 1);
}

#[tokio::test]
async fn a_profile_is_read_over_rest_for_the_tenant_in_the_header() {
    let setup = Setup::start().await;
    let call = HttpCall::get("/v1/customers/%E5%AE%A2%E6%88%B7%2017/profile");
    let call = call.with("x-fairlead-tenant", "acme");
    let answer = call.send(setup.address).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["customerId"], "客户 17");
    let asked = setup.stubs.get_profile.last_call().message;
    assert_eq!((&*asked.tenant, &*asked.customer_id), ("acme", "客户 17"));
}

#[tokio::test]
async fn what_is_wrong_is_named_in_a_body_that_machines_read() {
    let setup = Setup::start().await;
    let body = json!({"customerId": "c-1", "slateSize": 99});
    let (status, answer) = post(&setup, "/v1/recommend", body).await;
    assert_eq!(status, 400);
    let expected = json!({"error": {
        "code": "InvalidArgument",
        "status": 400,
        "message": "slate_size `99` is not allowed: 1 to 50, or 0 for 10",
        "reason": "INVALID_ARGUMENT",
        "details": {"field": "slate_size", "value": "99", "allowed": "1 to 50, or 0 for 10"},
    }});
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_body_that_is_no_such_message_is_refused() {
    let setup = Setup::start().await;
    let not_json = "{";
    let unknown_field = r#"{"customerId":"c-1","colour":"red"}"#;
    let wrong_type = r#"{"customerId":7}"#;
    let unknown_kind = r#"{"customerId":"c-1","kinds":["PRODUCT_KIND_YACHT"]}"#;
    for (body, named) in [
        (not_json, "EOF"),
        ("", "EOF"),
        (unknown_field, "colour"),
        (wrong_type, "string"),
        (unknown_kind, "PRODUCT_KIND_YACHT"),
    ] {
        let answer = HttpCall::post("/v1/recommend", body)
            .send(setup.address)
            .await;
        assert_eq!(answer.status, 400, "{body}");
        let error = &answer.json()["error"];
        assert_eq!(error["details"]["field"], "body", "{body}: {error}");
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.contains(named) && message.contains("/docs"),
            "{message}"
        );
    }
    let too_large = vec![b' '; (8 << 20) + 1];
    let answer = HttpCall::post("/v1/events/batch", too_large)
        .send(setup.address)
        .await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["error"]["status"], 413);
    assert!(setup.stubs.get_profile.calls().is_empty());
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_refused() {
    let setup = Setup::start().await;
    let (status, answer) = get(&setup, "/v1/recommend").await;
    assert_eq!((status, &answer["error"]["status"]), (405, &json!(405)));
    for path in ["/v1/recommendations", "/", "/v2/recommend"] {
        let (status, answer) = get(&setup, path).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (404, &json!(404)),
            "{path}"
        );
    }
    let (status, answer) = get(&setup, "/v1/customers/%FF/profile").await;
    assert_eq!((status, &answer["error"]["status"]), (400, &json!(400)));
    let answer = HttpCall::grpc("/fairlead.gateway.v1.QuoteService/Haggle")
        .send(setup.address)
        .await;
    assert_eq!(answer.grpc_code(), Code::Unimplemented);
    let answer = HttpCall::grpc("/no.Such/Method").send(setup.address).await;
    assert_eq!(answer.grpc_code(), Code::Unimplemented);
}

#[tokio::test]
async fn each_grpc_code_has_its_http_status() {
    let setup = Setup::start().await;
    for (code, expected) in [
        (Code::InvalidArgument, 400),
        (Code::OutOfRange, 400),
        (Code::FailedPrecondition, 400),
        (Code::Unauthenticated, 401),
        (Code::PermissionDenied, 403),
        (Code::NotFound, 404),
        (Code::Cancelled, 408),
        (Code::AlreadyExists, 409),
        (Code::Aborted, 409),
        (Code::ResourceExhausted, 429),
        (Code::Unknown, 500),
        (Code::Internal, 500),
        (Code::DataLoss, 500),
        (Code::Unimplemented, 501),
        (Code::Unavailable, 503),
        (Code::DeadlineExceeded, 504),
    ] {
        setup.stubs.accept_quote.fail(code);
        let body = json!({"customerId": "c-1"});
        let (status, answer) = post(&setup, "/v1/quotes/q-1/accept", body).await;
        assert_eq!(status, expected, "{code:?}: {answer}");
        assert_eq!(answer["error"]["code"], format!("{code:?}"));
        assert_eq!(answer["error"]["status"], expected);
    }
}

#[tokio::test]
async fn a_log_that_is_away_is_503() {
    let setup = Setup::start().await;
    setup.log.set(Valve::Away);
    let body = json!({"event": {"customerId": "c-1", "kind": "EVENT_KIND_APP_OPENED"}});
    let (status, answer) = post(&setup, "/v1/events", body).await;
    assert_eq!(status, 503);
    assert_eq!(answer["error"]["details"]["dependency"], "event log");
}

#[tokio::test]
async fn openapi_lists_every_path_that_is_served() {
    let setup = Setup::start().await;
    let (status, document) = get(&setup, "/openapi.json").await;
    assert_eq!(status, 200);
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 8);
    for (path, operations) in paths {
        for verb in operations.as_object().expect("operations").keys() {
            let path = path
                .replace("{request_id}", "r-1")
                .replace("{quote_id}", "q-1")
                .replace("{customer_id}", "c-1");
            let call = match &**verb {
                "get" => HttpCall::get(&*path),
                "post" => HttpCall::post(&*path, "{}"),
                other => panic!("{other} {path}"),
            };
            let answer = call.send(setup.address).await;
            let message = &answer.json()["error"]["message"];
            let missing = answer.status == 404 && !message.to_string().contains("r-1");
            assert!(!missing && answer.status != 405, "{verb} {path}");
        }
    }
    let page = HttpCall::get("/docs").send(setup.address).await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("openapi.json"));
}
