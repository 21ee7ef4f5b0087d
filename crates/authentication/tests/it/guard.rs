//! Who reaches a handler, and as whom.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use fairlead_authentication::{
    Denied, Guard, Identify, LocalCallers, ServicesToken, ToolsToken, bearer, caller,
    caller_within, guard, tools,
};
use fairlead_chassis::peer::Peer;
use fairlead_chassis::status::info;
use fairlead_domain::TenantId;
use fairlead_identity::{Kind, Principal, Requirement, Role, Tenants};
use http::request::Parts;
use http::{Request, StatusCode};
use tonic::{Code, Status};
use tower::ServiceExt as _;

const GET_DRAFT: &str = "/fairlead.control.v1.DraftService/GetDraft";
const WATCH: &str = "/fairlead.control.v1.ReleaseService/Watch";
const PUBLISH: &str = "/fairlead.control.v1.ReleaseService/Publish";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Knows a viewer of one tenant by a token, and the tools by theirs.
struct Known(ToolsToken);

#[async_trait::async_trait]
impl Identify for Known {
    async fn identify(&self, request: &Parts) -> Result<Principal, Denied> {
        match bearer(&request.headers) {
            Some("viewer") => Ok(viewer()),
            Some("busy") => Err(Denied::TooMany(NonZeroU32::MIN)),
            Some("away") => Err(Denied::Unavailable("control database")),
            Some(token) if self.0.is(token) => Ok(tools()),
            _ => Err(Denied::Unknown("a session is needed")),
        }
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("a tenant")
}

fn viewer() -> Principal {
    let grants = [(tenant("acme"), Role::Viewer.permissions())];
    Principal::new(Kind::Person, "ada", Tenants::Any).with_grants(grants.into())
}

/// Answers with the caller, as a handler sees it.
async fn handler(request: Request<Body>) -> String {
    let (parts, _) = request.into_parts();
    let mut call = tonic::Request::new(());
    *call.extensions_mut() = parts.extensions;
    match caller(&call) {
        Ok(caller) => caller.to_string(),
        Err(denied) => denied.to_string(),
    }
}

fn server() -> (Router, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(ToolsToken::FILE);
    let known = Known(ToolsToken::kept_at(&path).expect("a token"));
    let token = std::fs::read_to_string(&path).expect("a token");
    (
        guard(Router::new().fallback(handler), Arc::new(known)),
        token,
    )
}

fn grpc(path: &str, token: &str) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/grpc");
    let request = request.header("authorization", format!("Bearer {token}"));
    request.body(Body::empty()).expect("a request")
}

async fn send(router: &Router, request: Request<Body>) -> Response {
    router.clone().oneshot(request).await.expect("an answer")
}

async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), 4096).await;
    String::from_utf8(body.expect("a body").to_vec()).expect("text")
}

fn status(response: &Response) -> Status {
    assert_eq!(response.status(), StatusCode::OK);
    Status::from_header_map(response.headers()).expect("a status")
}

#[tokio::test]
async fn a_handler_runs_for_a_known_caller_with_the_permission() {
    let (server, token) = server();
    let answer = send(&server, grpc(GET_DRAFT, "viewer")).await;
    assert_eq!(text(answer).await, "person:ada");
    for path in [GET_DRAFT, PUBLISH] {
        let answer = send(&server, grpc(path, &token)).await;
        assert_eq!(text(answer).await, "tools:local");
    }
}

#[tokio::test]
async fn nobody_is_told_what_was_wrong_with_a_secret() {
    let (server, token) = server();
    let mut messages = std::collections::BTreeSet::new();
    for wrong in ["", "x", &token[1..], &format!("{token}0")] {
        let denied = status(&send(&server, grpc(PUBLISH, wrong)).await);
        assert_eq!(denied.code(), Code::Unauthenticated);
        messages.insert(denied.message().to_owned());
    }
    let bare = Request::post(PUBLISH).header("content-type", "application/grpc");
    let denied = status(&send(&server, bare.body(Body::empty()).expect("a request")).await);
    messages.insert(denied.message().to_owned());
    assert_eq!(messages.len(), 1, "{messages:?}");
}

#[tokio::test]
async fn a_refusal_names_the_permission_in_the_callers_protocol() {
    let (server, _) = server();
    let denied = status(&send(&server, grpc(PUBLISH, "viewer")).await);
    assert_eq!(denied.code(), Code::PermissionDenied);
    let (reason, data) = info(&denied).expect("details");
    let wanted = "change.publish or unpriced-change.publish";
    assert_eq!(
        (reason.as_str(), data["permission"].as_str()),
        ("PERMISSION_DENIED", wanted)
    );
    for (token, code) in [
        ("viewer", 403),
        ("nobody", 401),
        ("busy", 429),
        ("away", 503),
    ] {
        let request = Request::post(PUBLISH).header("authorization", format!("Bearer {token}"));
        let answer = send(&server, request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status().as_u16(), code, "{token}");
        if code == 403 {
            assert!(text(answer).await.contains(wanted));
        }
    }
}

#[tokio::test]
async fn a_path_that_states_nothing_is_refused_to_everybody() {
    let (server, token) = server();
    for path in [
        "/x",
        "/grpc.health.x/y",
        "/fairlead.control.v1.DraftService/Get",
        "/",
    ] {
        let denied = status(&send(&server, grpc(path, "nobody")).await);
        assert_eq!(denied.code(), Code::Unauthenticated, "{path}");
        let denied = status(&send(&server, grpc(path, &token)).await);
        assert_eq!(denied.code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn an_open_path_has_no_caller_and_no_request_brings_its_own() {
    let (server, _) = server();
    let mut request = grpc(HEALTH, "nobody");
    request.extensions_mut().insert(tools());
    let answer = text(send(&server, request).await).await;
    assert_eq!(answer, Denied::PastTheGuard.to_string());
    let mut request = grpc(PUBLISH, "viewer");
    request.extensions_mut().insert(tools());
    let denied = status(&send(&server, request).await);
    assert_eq!(denied.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn what_lists_the_methods_is_for_those_who_may_call_some() {
    let (server, _) = server();
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let denied = status(&send(&server, grpc(&path, "nobody")).await);
        assert_eq!(denied.code(), Code::Unauthenticated);
        let answer = send(&server, grpc(&path, "viewer")).await;
        assert_eq!(text(answer).await, "person:ada");
    }
}

#[tokio::test]
async fn a_server_with_other_paths_says_what_they_require() {
    let requirement = |request: &Parts| match request.uri.path() {
        "/docs" => Some(Requirement::Anyone),
        "/v1/draft" => Requirement::of(GET_DRAFT),
        _ => None,
    };
    let router = Guard::new(Arc::new(viewer()))
        .with_requirements(requirement)
        .with_refusals(|_, status| (StatusCode::IM_A_TEAPOT, status.to_string()).into_response())
        .around(Router::new().fallback(handler));
    let get = |path: &str| Request::get(path).body(Body::empty()).expect("a request");
    assert_eq!(
        text(send(&router, get("/v1/draft")).await).await,
        "person:ada"
    );
    assert_eq!(send(&router, get("/docs")).await.status(), StatusCode::OK);
    assert_eq!(
        send(&router, get("/x")).await.status(),
        StatusCode::IM_A_TEAPOT
    );
}

#[tokio::test]
async fn within_a_tenant_the_roles_of_that_tenant_count() {
    let grants = [
        (tenant("acme"), Role::Owner.permissions()),
        (tenant("other"), Role::Viewer.permissions()),
    ];
    let eve = Principal::new(Kind::Person, "eve", Tenants::Any).with_grants(grants.into());
    let answers = |request: Request<Body>| async move {
        let mut call = tonic::Request::new(());
        *call.extensions_mut() = request.into_parts().0.extensions;
        let answer = |name| match caller_within(&call, &tenant(name)) {
            Ok(caller) => format!("{caller} in {name}"),
            Err(denied) => denied.to_string(),
        };
        ["acme", "other", "third"].map(answer).join("; ")
    };
    let server = guard(Router::new().fallback(answers), Arc::new(eve));
    let answer = text(send(&server, grpc(PUBLISH, "")).await).await;
    let expected = "person:eve in acme; \
        this needs the permission change.publish or unpriced-change.publish; \
        the caller does not speak for the tenant `third`";
    assert_eq!(answer, expected);
    let past = tonic::Request::new(());
    assert_eq!(
        caller_within(&past, &tenant("acme")),
        Err(Denied::PastTheGuard)
    );
}

#[tokio::test]
async fn a_service_is_who_its_certificate_says_whatever_token_it_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = ServicesToken::kept_at(&folder.path().join(ServicesToken::FILE)).expect("made");
    let known = LocalCallers {
        tools: None,
        services: Some(token.clone()),
    };
    let server = guard(Router::new().fallback(handler), Arc::new(known));
    let from = |name: &str, shown: &str| {
        let mut request = grpc(WATCH, shown);
        request
            .extensions_mut()
            .insert(Peer::Service(name.to_owned()));
        request
    };
    let answer = send(&server, from("ranking", &token.of("gateway"))).await;
    assert_eq!(text(answer).await, "service:ranking");
    let answer = send(&server, from("ranking", "")).await;
    assert_eq!(text(answer).await, "service:ranking");
    let nobody = status(&send(&server, from("nobody", &token.of("gateway"))).await);
    assert_eq!(nobody.code(), Code::Unauthenticated);
    let answer = send(&server, grpc(WATCH, &token.of("gateway"))).await;
    assert_eq!(text(answer).await, "service:gateway");
}
