//! Who may call: every method of the control plane, by everyone who is known by a file, and by nobody.

use fairlead_chassis::status::info;
use fairlead_identity::Requirement;
use fairlead_proto::REQUIREMENTS;
use fairlead_proto::control::v1::release_service_client::ReleaseServiceClient;
use fairlead_proto::control::v1::{ReportRequest, WatchRequest};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::plane::{Bearer, Home, Plane, TENANT, Way, deposit, on_both, service_token};

/// A request of any method that concerns a tenant.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TenantOnly {
    #[prost(string, tag = "1")]
    tenant: String,
}

/// The services that the control plane serves.
const SERVED: [&str; 2] = ["/fairlead.access.v1.", "/fairlead.control.v1."];

/// Returns the methods that the control plane serves, as the contracts list them.
pub(crate) fn methods() -> impl Iterator<Item = &'static str> {
    let served = |path: &&str| SERVED.iter().any(|area| path.starts_with(area));
    REQUIREMENTS.iter().map(|(path, _)| *path).filter(served)
}

/// Calls a method for the tenant, and returns what became of it: an answer, or its refusal.
pub(crate) async fn call(way: Way, path: &'static str) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(way);
    client.ready().await.expect("a connection");
    let request = Request::new(TenantOnly {
        tenant: TENANT.to_owned(),
    });
    let codec = ProstCodec::<TenantOnly, ()>::default();
    let path = PathAndQuery::from_static(path);
    let answer = client.server_streaming(request, path, codec).await;
    answer.map(drop)
}

/// Returns true if the call reached its handler: it was not refused for who calls.
pub(crate) fn passed(outcome: &Result<(), Status>) -> bool {
    let Err(status) = outcome else {
        return true;
    };
    match status.code() {
        Code::Unimplemented => false,
        // A wrong password is found out by the handler.
        Code::Unauthenticated | Code::PermissionDenied => {
            info(status).is_some_and(|(reason, _)| reason == "SIGN_IN_REFUSED")
        }
        _ => true,
    }
}

async fn nobody_reaches_a_handler_unknown(home: Home) {
    let plane = Plane::start(&home);
    let mut messages = std::collections::BTreeSet::new();
    let closed = |path: &&str| Requirement::of(path) != Some(Requirement::Anyone);
    for path in methods().filter(closed) {
        for bearer in [None, Some("x"), Some("gateway."), Some("tools.x")] {
            let way = match bearer {
                None => plane.bare(),
                Some(token) => plane.channel_with(Bearer::of(token)),
            };
            let refused = call(way, path).await.expect_err(path);
            assert_eq!(refused.code(), Code::Unauthenticated, "{path} {bearer:?}");
            messages.insert(refused.message().to_owned());
        }
    }
    assert_eq!(
        messages.len(),
        1,
        "none tells how close it was: {messages:?}"
    );
}

async fn a_service_of_no_name_is_nobody(home: Home) {
    let plane = Plane::start(&home);
    for name in ["stream", "lake", "control", "nobody", ""] {
        let stranger = plane.channel_with(Bearer::of(&service_token(name)));
        let refused = call(stranger, "/fairlead.control.v1.ReleaseService/Watch").await;
        let refused = refused.expect_err("no service that follows");
        assert_eq!(refused.code(), Code::Unauthenticated, "{name}");
    }
}

/// A pod that was broken into follows releases, and does nothing else.
async fn a_service_can_neither_publish_nor_report_as_another(home: Home) {
    let plane = Plane::start(&home);
    plane.put(vec![deposit("D-1")]).await;
    plane.publish().await;
    let way = plane.channel_with(Bearer::of(&service_token("ranking")));
    let mut releases = ReleaseServiceClient::new(way);
    let watch = WatchRequest {
        tenant: TENANT.to_owned(),
        have_revision: 0,
    };
    let mut stream = releases.watch(watch).await.expect("follows").into_inner();
    assert!(stream.message().await.expect("no error").is_some());
    let publish = releases.publish(crate::plane::publish()).await;
    let refused = publish.expect_err("no publisher");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let named = "this needs the permission change.publish or unpriced-change.publish";
    assert_eq!(refused.message(), named);
    let report = ReportRequest {
        tenant: TENANT.to_owned(),
        service: "pricing".to_owned(),
        instance: "host:7005".to_owned(),
        ..ReportRequest::default()
    };
    let refused = releases.report(report).await.expect_err("another's");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused.message().starts_with("service `pricing`"),
        "{refused}"
    );
    assert_eq!(plane.audit_rows().await.len(), 2, "the bank's own two");
}

on_both!(
    nobody_reaches_a_handler_unknown,
    a_service_of_no_name_is_nobody,
    a_service_can_neither_publish_nor_report_as_another,
);
