//! An HTTP client without deadlines of its own.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::bytes::Bytes;
use tonic::Code;

/// An HTTP call of a test.
#[derive(Debug, Clone)]
pub(crate) struct HttpCall {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

/// The answer to an [`HttpCall`].
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpCall {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: "POST",
            body: body.into(),
            ..Self::get(path)
        }
    }

    /// A gRPC call of `/package.Service/Method` with an empty message.
    pub(crate) fn grpc(path: impl Into<String>) -> Self {
        Self::post(path, Bytes::from_static(&[0; 5]))
            .with("content-type", "application/grpc")
            .with("te", "trailers")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The call with an API key.
    pub(crate) fn with_key(self, key: &str) -> Self {
        self.with("authorization", format!("Bearer {key}"))
    }

    pub(crate) async fn send(self, address: SocketAddr) -> HttpAnswer {
        let is_grpc = self.headers.iter().any(|(name, _)| *name == "te");
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new())
            .http2_only(is_grpc)
            .build_http();
        let uri = format!("http://{address}{}", self.path);
        let mut request = http::Request::builder().method(self.method).uri(uri);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).expect("a request");
        let answer = client.request(request).await.expect("an answer");
        let (head, body) = answer.into_parts();
        let body = body.collect().await.expect("a body");
        let mut headers = head.headers;
        headers.extend(body.trailers().cloned().unwrap_or_default());
        HttpAnswer {
            status: head.status.as_u16(),
            headers,
            body: body.to_bytes(),
        }
    }
}

impl HttpAnswer {
    /// The body as JSON; `Null` if it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The gRPC code in the headers or the trailers.
    pub(crate) fn grpc_code(&self) -> Code {
        let code = self.headers.get("grpc-status").expect("a gRPC answer");
        Code::from_bytes(code.as_bytes())
    }
}
