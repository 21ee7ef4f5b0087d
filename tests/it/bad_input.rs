//! Bad input, as a table: each gets a code, and a message that names the field and what is allowed.

use fairlead_proto::event::v1::{AttributeValue, Event, EventKind, attribute_value::Value};
use fairlead_proto::gateway::v1::event_service_client::EventServiceClient;
use fairlead_proto::gateway::v1::quote_response::Outcome;
use fairlead_proto::gateway::v1::quote_service_client::QuoteServiceClient;
use fairlead_proto::gateway::v1::recommend_service_client::RecommendServiceClient;
use fairlead_proto::gateway::v1::{QuoteRequest, RecommendRequest, TrackRequest};
use fairlead_proto::money::v1::Money;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tonic::Code;

use crate::fixture::{Fixture, runtime, shared};

fn loan(fixture: &Fixture) -> String {
    let live = fixture.server.releases.live().expect("a release");
    let loans = live
        .catalogue
        .products()
        .iter()
        .filter(|p| p.kind() == fairlead_proto::catalogue::v1::ProductKind::CashLoan);
    loans
        .into_iter()
        .find(|p| p.active)
        .expect("a loan")
        .product_id
        .clone()
}

fn yuan(minor: i64) -> Option<Money> {
    Some(Money {
        minor,
        currency: "CNY".to_owned(),
    })
}

#[test]
fn recommend_names_what_is_wrong() {
    runtime().block_on(async {
        let fixture = shared().await;
        let mut client = RecommendServiceClient::new(fixture.server.gateway.clone());
        let good = || RecommendRequest {
            customer_id: fixture.customers[0].clone(),
            ..RecommendRequest::default()
        };
        let table = [
            (
                RecommendRequest {
                    customer_id: String::new(),
                    ..good()
                },
                "customer id",
            ),
            (
                RecommendRequest {
                    slate_size: 51,
                    ..good()
                },
                "slate_size `51`",
            ),
            (
                RecommendRequest {
                    kinds: vec![42],
                    ..good()
                },
                "kinds `42`",
            ),
            (
                RecommendRequest {
                    channel: "fax".to_owned(),
                    ..good()
                },
                "channel `fax`",
            ),
            (
                RecommendRequest {
                    tenant: "a b".to_owned(),
                    ..good()
                },
                "tenant `a b`",
            ),
        ];
        for (request, expected) in table {
            let status = client.recommend(request).await.expect_err(expected);
            assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
            assert!(status.message().contains(expected), "{status:?}");
            let (_, details) =
                fairlead_chassis::status::info(&status).expect("machine-readable details");
            assert!(!details["allowed"].is_empty());
        }
    });
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of one row per refusal")]
fn a_quote_on_bad_terms_is_never_a_price() {
    runtime().block_on(async {
        let fixture = shared().await;
        let mut client = QuoteServiceClient::new(fixture.server.gateway.clone());
        let good = |key: &str| QuoteRequest {
            customer_id: fixture.customers[0].clone(),
            product_id: loan(fixture),
            amount: yuan(1_000_000),
            tenor_months: 12,
            idempotency_key: key.to_owned(),
            ..QuoteRequest::default()
        };
        let dollars = Some(Money {
            minor: 1_000_000,
            currency: "USD".to_owned(),
        });
        let table = [
            (
                "unknown product",
                QuoteRequest {
                    product_id: "no-such".to_owned(),
                    ..good("b1")
                },
                "no-such",
            ),
            (
                "tenor outside the product",
                QuoteRequest {
                    tenor_months: 7_000,
                    ..good("b2")
                },
                "7000",
            ),
            (
                "negative amount",
                QuoteRequest {
                    amount: yuan(-5),
                    ..good("b3")
                },
                "-0.05 CNY",
            ),
            (
                "overflowing amount",
                QuoteRequest {
                    amount: yuan(i64::MAX),
                    ..good("b4")
                },
                "92,233",
            ),
            (
                "wrong currency",
                QuoteRequest {
                    amount: dollars,
                    ..good("b5")
                },
                "USD",
            ),
            (
                "no idempotency key",
                QuoteRequest {
                    idempotency_key: String::new(),
                    ..good("b6")
                },
                "idempotency_key",
            ),
        ];
        for (what, request, named) in table {
            let said = match client.quote(request).await {
                Err(status) => {
                    let wrong = [Code::InvalidArgument, Code::NotFound];
                    assert!(wrong.contains(&status.code()), "{what}: {status:?}");
                    status.message().to_owned()
                }
                Ok(answer) => match answer.into_inner().outcome {
                    Some(Outcome::Refusal(refusal)) => refusal.detail,
                    other => panic!("{what} was answered with {other:?}"),
                },
            };
            assert!(said.contains(named), "{what}: {said}");
            let fault = ["is not allowed: ", "is missing: "];
            assert!(
                fault.iter().any(|word| said.contains(word)),
                "{what}: {said}"
            );
        }
    });
}

#[test]
fn events_that_cannot_be_applied_are_refused_at_the_door() {
    runtime().block_on(async {
        let fixture = shared().await;
        let mut client = EventServiceClient::new(fixture.server.gateway.clone());
        let good = || Event {
            customer_id: "bad-input".to_owned(),
            kind: EventKind::AppOpened.into(),
            ..Event::default()
        };
        let now_ms = fixture.server.clock.now_ms();
        let day = 86_400_000;
        let nan = AttributeValue {
            value: Some(Value::Number(f64::NAN)),
        };
        let table = [
            (
                "no customer",
                Event {
                    customer_id: String::new(),
                    ..good()
                },
            ),
            ("no kind", Event { kind: 0, ..good() }),
            (
                "from the future",
                Event {
                    event_time_ms: now_ms + day,
                    ..good()
                },
            ),
            (
                "before the longest window",
                Event {
                    event_time_ms: now_ms - 400 * day,
                    ..good()
                },
            ),
            (
                "a click on nothing",
                Event {
                    kind: EventKind::Click.into(),
                    ..good()
                },
            ),
            (
                "an attribute that is not a number",
                Event {
                    kind: EventKind::ProfileUpdated.into(),
                    attributes: [("income_monthly_minor".to_owned(), nan)].into(),
                    ..good()
                },
            ),
        ];
        for (what, event) in table {
            let status = client
                .track(TrackRequest { event: Some(event) })
                .await
                .expect_err(what);
            assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status:?}");
        }
    });
}

/// Sends a request to the gateway's REST interface. Returns the status and the JSON body.
async fn rest(
    fixture: &Fixture,
    method: &str,
    path: &str,
    body: String,
) -> (u16, serde_json::Value) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", fixture.server.addresses.gateway))
        .body(body)
        .expect("a request");
    let answer = client.request(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body");
    let json = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    (status, json)
}

#[test]
fn rest_refuses_with_a_body_that_machines_read() {
    runtime().block_on(async {
        let fixture = shared().await;
        let body = r#"{"customerId":"c1","slateSize":99}"#.to_owned();
        let (status, answer) = rest(fixture, "POST", "/v1/recommend", body).await;
        assert_eq!(status, 400);
        assert_eq!(answer["error"]["details"]["field"], "slate_size");
        assert_eq!(answer["error"]["details"]["value"], "99");
        let (status, answer) = rest(fixture, "POST", "/v1/recommend", "{".to_owned()).await;
        assert_eq!(
            (status, answer["error"].is_object()),
            (400, true),
            "{answer}"
        );
        let (status, _) = rest(fixture, "GET", "/v1/recommend", String::new()).await;
        assert_eq!(status, 405);
        let (_, api) = rest(fixture, "GET", "/openapi.json", String::new()).await;
        assert_eq!(api["openapi"], "3.1.0");
        let body = format!(r#"{{"customerId":"{}"}}"#, fixture.customers[1]);
        let (status, slate) = rest(fixture, "POST", "/v1/recommend", body).await;
        assert_eq!(status, 200);
        let items = slate["items"].as_array();
        assert!(items.is_some_and(|items| !items.is_empty()), "{slate}");
    });
}
