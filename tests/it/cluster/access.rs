//! Who may call the services behind the gateway, and what a service may do at the control plane: through
//! the processes' own ports.

use fairlead_chassis::link::Link;
use fairlead_proto::REQUIREMENTS;
use fairlead_proto::access::v1::Permission;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::{ClusterFixture, with};

/// The services that the gateway alone calls.
const BEHIND: [&str; 4] = ["profile", "recall", "ranking", "pricing"];

/// Returns the methods of an area of the contracts, with what they require.
fn methods(area: &str) -> impl Iterator<Item = (&'static str, &'static [i32])> {
    let prefix = format!("/fairlead.{area}.v1.");
    let all = REQUIREMENTS.iter().copied();
    all.filter(move |(path, _)| path.starts_with(&prefix))
}

/// Calls a method with an empty message.
async fn call(link: &Link, path: &'static str) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(link.clone());
    client.ready().await.expect("a link");
    let codec = ProstCodec::<(), ()>::default();
    let path = PathAndQuery::from_static(path);
    let answer = client.server_streaming(Request::new(()), path, codec).await;
    answer.map(drop)
}

/// Returns a link to the first instance of a service, for who has the certificate of `caller`.
fn link_as(fixture: &ClusterFixture, caller: &'static str, service: &'static str) -> Link {
    let folder = fixture.cluster.folder().join(format!("of-{caller}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let tls = fixture.cluster.certificates.held_by(caller, &folder);
    let tls = tls.expect("a certificate").link(service);
    let address = fixture.cluster.instances[&format!("{service}-1")].address();
    Link::connect_by(&[address], tls).expect("a link")
}

#[test]
fn the_services_behind_the_gateway_answer_the_gateway_alone() {
    with(async |fixture| {
        for service in BEHIND {
            let mut called = 0;
            for (path, required) in methods(service) {
                called += 1;
                assert_eq!(required, [i32::from(Permission::Decide)], "{path}");
                for other in BEHIND {
                    let refused = call(&link_as(fixture, other, service), path).await;
                    let refused = refused.expect_err(path);
                    assert_eq!(refused.code(), Code::PermissionDenied, "{other} {path}");
                }
                let nobody = call(&link_as(fixture, "nobody", service), path).await;
                let nobody = nobody.expect_err(path);
                assert_eq!(nobody.code(), Code::Unauthenticated, "{path}");
                let gateway = call(&link_as(fixture, "gateway", service), path).await;
                let code = gateway.err().map(|status| status.code());
                let denied = [
                    Code::Unauthenticated,
                    Code::PermissionDenied,
                    Code::Unavailable,
                    Code::Unimplemented,
                ];
                assert!(
                    code.is_none_or(|code| !denied.contains(&code)),
                    "{path}: {code:?}"
                );
            }
            assert!(called > 0, "{service} has methods");
        }
    });
}
