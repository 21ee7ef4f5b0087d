//! Asks the gateway over REST, as an app does: over HTTPS, by its host name.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::ClusterFixture;

/// Sends a POST, with a sampled trace where one is given. Returns status and body of the answer.
pub(super) async fn post(
    fixture: &ClusterFixture,
    path: &str,
    body: String,
    trace: Option<&str>,
) -> (u16, String) {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(fixture.cluster.certificates.ca());
    roots.add(ca.expect("PEM")).expect("an authority");
    let provider = rustls::crypto::ring::default_provider();
    let config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("versions that ring has ciphers for")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config);
    let connector = connector.https_only().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let port = fixture.cluster.instances["gateway-1"].port();
    let mut request = Request::post(format!("https://localhost:{port}{path}"))
        .header("content-type", "application/json");
    if let Some(trace) = trace {
        let value = format!("00-{trace}-00f067aa0ba902b7-01");
        request = request.header("traceparent", value);
    }
    let request = request.body(Full::new(Bytes::from(body)));
    let answer = client.request(request.expect("a request")).await;
    let answer = answer.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body");
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    (status, body)
}
