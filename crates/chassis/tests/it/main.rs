//! A real contract served over TCP and in process: links, deadlines, health, drain.

mod tls;
mod tls_files;
mod tls_setup;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::deadline::Deadline;
use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, bind, serve};
use fairlead_proto::control::v1::audit_service_client::AuditServiceClient;
use fairlead_proto::control::v1::audit_service_server::{AuditService, AuditServiceServer};
use fairlead_proto::control::v1::{
    ListAuditRequest, ListAuditResponse, VerifyAuditRequest, VerifyAuditResponse,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};

/// Answers `VerifyAudit` at once and `ListAudit` when it is released.
#[derive(Default)]
struct Audit {
    entered: Notify,
    release: Notify,
}

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_audit(
        &self,
        _request: Request<ListAuditRequest>,
    ) -> Result<Response<ListAuditResponse>, Status> {
        self.entered.notify_one();
        self.release.notified().await;
        Ok(Response::new(ListAuditResponse::default()))
    }

    async fn verify_audit(
        &self,
        request: Request<VerifyAuditRequest>,
    ) -> Result<Response<VerifyAuditResponse>, Status> {
        let left = Deadline::from_request(&request).map_or(0, |d| d.remaining().as_millis());
        Ok(Response::new(VerifyAuditResponse {
            intact: true,
            rows: left as i64,
            ..VerifyAuditResponse::default()
        }))
    }
}

struct Served {
    audit: Arc<Audit>,
    link: Link,
    shutdown: CancellationToken,
    server: tokio::task::JoinHandle<Result<(), fairlead_chassis::Error>>,
}

async fn served(drain: Duration) -> Served {
    let audit = Arc::new(Audit::default());
    let listener = bind("127.0.0.1:0".parse().expect("address"))
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    let shutdown = CancellationToken::new();
    let routes = Routes::new(AuditServiceServer::from_arc(audit.clone()));
    let options = ServeOptions {
        name: "audit",
        drain,
        tls: None,
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the test owns and joins the task"
    )]
    let server = tokio::spawn(serve(options, listener, routes, shutdown.clone()));
    let link = Link::connect(&[format!("http://{address}")]).expect("an address");
    Served {
        audit,
        link,
        shutdown,
        server,
    }
}

fn verify(limit: Duration) -> Request<VerifyAuditRequest> {
    let mut request = Request::new(VerifyAuditRequest::default());
    Deadline::after(limit).apply(&mut request);
    request
}

fn list(limit: Duration) -> Request<ListAuditRequest> {
    let mut request = Request::new(ListAuditRequest::default());
    Deadline::after(limit).apply(&mut request);
    request
}

#[tokio::test]
async fn both_kinds_of_link_carry_the_deadline_and_enforce_it() {
    let over_network = served(Duration::from_secs(5)).await;
    let routes = Routes::new(AuditServiceServer::new(Audit::default()));
    for link in [over_network.link.clone(), Link::in_process(routes)] {
        let mut client = AuditServiceClient::new(link);
        let answer = client
            .verify_audit(verify(Duration::from_secs(9)))
            .await
            .expect("answer");
        let left = answer.into_inner().rows;
        assert!(left > 1_000 && left <= 9_000, "{left} ms left");
        let late = client
            .list_audit(list(Duration::from_millis(30)))
            .await
            .expect_err("late");
        assert!(
            matches!(late.code(), Code::DeadlineExceeded | Code::Cancelled),
            "{late:?}"
        );
    }
    over_network.shutdown.cancel();
}

#[tokio::test]
async fn a_link_within_a_deadline_puts_it_on_every_call_and_ends_by_it() {
    let over_network = served(Duration::from_secs(5)).await;
    let routes = Routes::new(AuditServiceServer::new(Audit::default()));
    for link in [over_network.link.clone(), Link::in_process(routes)] {
        let within = |limit| AuditServiceClient::new(link.within(Deadline::after(limit)));
        // A longer time on the request itself does not stretch the link's.
        let asked = verify(Duration::from_hours(1));
        let answer = within(Duration::from_secs(9)).verify_audit(asked).await;
        let left = answer.expect("answer").into_inner().rows;
        assert!(left > 1_000 && left <= 9_000, "{left} ms left");
        let late = within(Duration::from_millis(30))
            .list_audit(ListAuditRequest::default())
            .await;
        let late = late.expect_err("late");
        assert_eq!(late.code(), Code::DeadlineExceeded, "{late:?}");
    }
    over_network.shutdown.cancel();
}

#[tokio::test]
async fn a_call_in_flight_is_answered_before_the_server_stops() {
    let served = served(Duration::from_secs(30)).await;
    let mut client = AuditServiceClient::new(served.link.clone());
    let call = client.list_audit(list(Duration::from_secs(20)));
    let stop = async {
        served.audit.entered.notified().await;
        served.shutdown.cancel();
        served.audit.release.notify_one();
    };
    let (answer, ()) = tokio::join!(call, stop);
    answer.expect("the call in flight is answered");
    drop(client);
    drop(served.link);
    served
        .server
        .await
        .expect("joined")
        .expect("drained in time");
}

#[tokio::test]
async fn a_call_that_never_ends_does_not_hold_the_drain() {
    let served = served(Duration::from_millis(50)).await;
    let mut client = AuditServiceClient::new(served.link.clone());
    let call = client.list_audit(list(Duration::from_secs(20)));
    let stop = async {
        served.audit.entered.notified().await;
        served.shutdown.cancel();
        served.server.await.expect("joined")
    };
    tokio::select! {
        stopped = stop => {
            let error = stopped.expect_err("the drain was cut");
            assert!(error.to_string().contains("did not drain within 50ms"), "{error}");
        }
        answer = call => panic!("answered: {answer:?}"),
    }
}

#[tokio::test]
async fn health_and_reflection_are_served() {
    let served = served(Duration::from_secs(5)).await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(served.link.clone());
    let answer = health
        .check(tonic_health::pb::HealthCheckRequest::default())
        .await;
    assert_eq!(answer.expect("answer").into_inner().status, 1, "serving");
    served.shutdown.cancel();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = bind("127.0.0.1:0".parse().expect("address"))
        .await
        .expect("free");
    let taken = first.local_addr().expect("bound");
    let error = bind(taken).await.expect_err("taken").to_string();
    assert!(
        error.contains(&taken.to_string()) && error.contains("listen"),
        "{error}"
    );
}

#[test]
fn an_address_that_is_no_uri_is_named() {
    let error = Link::connect(&["not a uri".to_owned()])
        .expect_err("refused")
        .to_string();
    assert!(error.contains("not a uri"), "{error}");
}
