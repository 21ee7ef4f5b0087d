//! Who may call: every method of the control plane, by everyone who is known by a file, and by nobody.

use fairlead_identity::{Permissions, Requirement, service_permissions};
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
const SERVED: [&str; 1] = ["/fairlead.control.v1."];

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

/// Returns true if the call reached its handler.
pub(crate) fn passed(outcome: &Result<(), Status>) -> bool {
    let denied = [
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::Unimplemented,
    ];
    outcome
        .as_ref()
        .err()
        .is_none_or(|status| !denied.contains(&status.code()))
}

async fn nobody_reaches_a_handler_unknown(home: Home) {
    let plane = Plane::start(&home);
    let mut messages = std::collections::BTreeSet::new();
    for path in methods() {
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

async fn tools_and_services_reach_what_they_may_and_no_more(home: Home) {
    let plane = Plane::start(&home);
    for path in methods() {
        let requirement = Requirement::of(path).expect("a method");
        let outcome = call(plane.channel(), path).await;
        let tools = requirement.check(Permissions::all()).is_ok();
        assert_eq!(passed(&outcome), tools, "tools {path}: {outcome:?}");
        for name in ["gateway", "profile", "recall", "ranking", "pricing"] {
            let way = plane.channel_with(Bearer::of(&service_token(name)));
            let outcome = call(way, path).await;
            let may = service_permissions(name).expect("a service");
            let expected = requirement.check(may).is_ok();
            assert_eq!(passed(&outcome), expected, "{name} {path}: {outcome:?}");
        }
    }
    let stranger = plane.channel_with(Bearer::of(&service_token("stream")));
    let refused = call(stranger, "/fairlead.control.v1.ReleaseService/Watch").await;
    let refused = refused.expect_err("no service that follows");
    assert_eq!(refused.code(), Code::Unauthenticated);
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
    tools_and_services_reach_what_they_may_and_no_more,
    a_service_can_neither_publish_nor_report_as_another,
);
