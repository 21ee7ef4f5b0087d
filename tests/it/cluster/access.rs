//! Who may call the services behind the gateway, and what a service may do at the control plane: through
//! the processes' own ports.

use fairlead_authentication::ServicesToken;
use fairlead_chassis::link::Link;
use fairlead_proto::REQUIREMENTS;
use fairlead_proto::access::v1::Permission;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use super::with;

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

#[test]
fn the_services_behind_the_gateway_answer_the_gateway_alone() {
    with(async |fixture| {
        let file = fixture.cluster.setting("IDENTITY__SERVICES_TOKEN_FILE");
        let token = ServicesToken::kept_at(file.as_ref()).expect("the services' token");
        for service in BEHIND {
            let bare = fixture.cluster.link(service).expect("a link");
            let showing = |bearer: &str| bare.with_bearer(bearer).expect("a token");
            let tools = std::fs::read_to_string(fixture.cluster.tools_token()).expect("a token");
            let mut called = 0;
            for (path, required) in methods(service) {
                called += 1;
                assert_eq!(required, [i32::from(Permission::Decide)], "{path}");
                for stranger in [&bare, &showing("x"), &showing(tools.trim())] {
                    let refused = call(stranger, path).await.expect_err(path);
                    assert_eq!(refused.code(), Code::Unauthenticated, "{path}");
                }
                for other in BEHIND {
                    let refused = call(&showing(&token.of(other)), path).await;
                    let refused = refused.expect_err(path);
                    assert_eq!(refused.code(), Code::PermissionDenied, "{other} {path}");
                }
                let gateway = call(&showing(&token.of("gateway")), path).await;
                let code = gateway.err().map(|status| status.code());
                let denied = [
                    Code::Unauthenticated,
                    Code::PermissionDenied,
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
