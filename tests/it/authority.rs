//! Authority over facts from end to end: over REST, in a log from before signing, and against
//! records that somebody forged in the log.

use fairlead_chassis::clock::{Clock as _, SystemClock};
use fairlead_domain::CustomerId;
use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, ORIGIN, Position, Record, TopicSpec,
};
use fairlead_gateway::topics::EVENTS;
use fairlead_proto::event::v1::attribute_value::Value;
use fairlead_proto::event::v1::{AttributeValue, DeadLetter, Event, EventKind};
use fairlead_server::Server;
use fairlead_testkit::RedisServer;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message as _;
use prost::bytes::Bytes;

use crate::fixture::{config, runtime};

const DEAD_LETTERS: &str = "fairlead.dead-letters.v1";
/// The curl of the finding: whoever may send a click sets their own credit score.
const EXPLOIT: &str = r#"{"event":{"customerId":"me","kind":"EVENT_KIND_PROFILE_UPDATED","attributes":{"bureau_score":{"number":900}}}}"#;

fn score(customer: &str, at_ms: i64) -> Record {
    let value = Some(Value::Number(900.0));
    let event = Event {
        event_id: format!("score-{customer}"),
        tenant: "demo".to_owned(),
        customer_id: customer.to_owned(),
        kind: EventKind::ProfileUpdated.into(),
        event_time_ms: at_ms,
        attributes: [("bureau_score".to_owned(), AttributeValue { value })].into(),
        ..Event::default()
    };
    Record::new(format!("demo/{customer}"), event.encode_to_vec())
}

/// Returns true if the feature store holds a credit score of the customer.
async fn is_scored(server: &Server, customer: &str) -> bool {
    let id = CustomerId::new(customer).unwrap();
    let state = server.store.read_customer(&server.tenant, &id).await;
    let state = state.unwrap();
    state.is_some_and(|state| state.attributes.contains_key("bureau_score"))
}

/// Posts the exploit and returns the status.
async fn exploit(server: &Server, bearer: &str) -> u16 {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = http::Request::post(format!("http://{}/v1/events", server.addresses.gateway))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {bearer}"))
        .body(Full::new(Bytes::from_static(EXPLOIT.as_bytes())))
        .unwrap();
    client.request(request).await.unwrap().status().as_u16()
}

/// Returns the causes of all dead letters.
async fn causes(server: &Server) -> Vec<String> {
    let mut causes = Vec::new();
    for range in server.log.offsets(DEAD_LETTERS).await.unwrap() {
        let from = Position {
            partition: range.partition,
            offset: range.start,
        };
        for one in server.log.read(DEAD_LETTERS, from, 100).await.unwrap() {
            causes.push(DeadLetter::decode(one.record.payload).unwrap().cause);
        }
    }
    causes
}

#[test]
fn facts_of_the_bank_come_from_the_bank_in_the_old_log_and_in_the_new() {
    runtime().block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let redis = RedisServer::start().unwrap();
        let mut config = config(folder.path()).unwrap();
        config.redis.url = redis.url();
        let topic = TopicSpec {
            partitions: config.gateway.partitions,
            retention: std::time::Duration::from_hours(24),
        };
        let now_ms = SystemClock.now_ms();
        // The log of an installation from before signing.
        let old = EmbeddedEventLog::open(EmbeddedOptions::new(folder.path().join("log")));
        let old = old.await.unwrap();
        old.create_topic(EVENTS, topic).await.unwrap();
        old.append(EVENTS, vec![score("old", now_ms)])
            .await
            .unwrap();
        old.close().await.unwrap();

        let server = Server::start(&config, None).await.unwrap();
        server.caught_up().await.unwrap();
        assert!(is_scored(&server, "old").await, "nothing is lost");
        assert_eq!(exploit(&server, "").await, 403);
        let forged = vec![
            score("unsigned", now_ms),
            score("claimed", now_ms).with_header(ORIGIN, "bank"),
        ];
        server.log.append(EVENTS, forged).await.unwrap();
        server.caught_up().await.unwrap();
        for customer in ["me", "unsigned", "claimed"] {
            assert!(!is_scored(&server, customer).await, "{customer}");
        }
        let cause = "attributes.bureau_score `900` may not be stated by app: by bank";
        assert_eq!(causes(&server).await, [cause; 2]);

        let token = std::fs::read_to_string(folder.path().join("tools.token")).unwrap();
        assert_eq!(exploit(&server, &token).await, 200);
        server.caught_up().await.unwrap();
        assert!(is_scored(&server, "me").await, "the bank's tool stated it");
        server.stop().await.unwrap();

        // An emptied feature store is filled again from the log, by the keys that were kept.
        let empty = RedisServer::start().unwrap();
        config.redis.url = empty.url();
        let server = Server::start(&config, None).await.unwrap();
        server.caught_up().await.unwrap();
        for customer in ["me", "old"] {
            assert!(is_scored(&server, customer).await, "{customer}");
        }
        assert!(!is_scored(&server, "claimed").await);
        server.stop().await.unwrap();
    });
}
