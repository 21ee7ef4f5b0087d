//! Links: how one service calls another. A generated client is put on a link, and only the link
//! knows whether the other side is in this process or behind a network.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderValue;
use http::header::AUTHORIZATION;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, Service, ServiceExt};

use crate::Error;
use crate::balance::Balanced;
use crate::deadline::Deadline;
use crate::discovery::{Instance, Instances};
use crate::endpoint::channel;
use crate::observe::{ObserveLayer, inject};
use crate::tls::ClientTls;

type Inner = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, BoxError>;

/// The transport of a generated client. Cheap to clone.
///
/// Outgoing calls carry the trace context; the deadline that the caller put on the request is
/// enforced by the served side's layer, and for remote calls on this side as well.
#[derive(Debug, Clone)]
pub struct Link {
    inner: Inner,
}

impl Link {
    /// Creates a link straight to a server in this process, with the same layer as a served one.
    pub fn in_process(routes: Routes) -> Self {
        let observed = ObserveLayer.layer(routes.prepare());
        Self {
            inner: BoxCloneSyncService::new(ServiceExt::<http::Request<Body>>::map_err(
                observed,
                BoxError::from,
            )),
        }
    }

    /// Creates a link to the instances that discovery finds, balanced over them: power of two
    /// choices, one retry of what is safe to repeat, ejection of an instance that keeps failing.
    ///
    /// Connections are made when they are needed, by `tls` or in plaintext; an instance whose address
    /// does not read or does not fit `tls` is left out, and the log says so. Must be called inside a
    /// tokio runtime.
    pub fn balanced(service: &'static str, instances: Instances, tls: Option<ClientTls>) -> Self {
        Self {
            inner: BoxCloneSyncService::new(Balanced::new(service, instances, tls)),
        }
    }

    /// Returns this link for calls that are due by `deadline`. The calls carry it, and are given up
    /// when it has passed, whether the other side does so or not.
    pub fn within(&self, deadline: Deadline) -> BoundedLink {
        BoundedLink {
            link: self.clone(),
            deadline,
        }
    }

    /// Returns this link with a bearer token on every call.
    ///
    /// # Errors
    /// The token holds what no header may hold.
    pub fn with_bearer(&self, token: &str) -> Result<Self, Error> {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value
            .map_err(|_| Error::Config("the token holds what no header may hold".to_owned()))?;
        value.set_sensitive(true);
        let carrying = self
            .clone()
            .map_request(move |request: http::Request<Body>| {
                let mut request = request;
                request.headers_mut().insert(AUTHORIZATION, value.clone());
                request
            });
        Ok(Self {
            inner: BoxCloneSyncService::new(carrying),
        })
    }

    /// Creates a link to the instances at `addresses`, `http://host:port`, balanced over them.
    ///
    /// # Errors
    /// An address does not read, or asks for TLS.
    pub fn connect(addresses: &[String]) -> Result<Self, Error> {
        Self::connect_by(addresses, None)
    }

    /// Creates a link to the instances at `addresses`, balanced over them: `https://host:port` with
    /// `tls`, `http://host:port` without.
    ///
    /// # Errors
    /// An address does not read, or its scheme does not fit `tls`.
    pub fn connect_by(addresses: &[String], tls: Option<ClientTls>) -> Result<Self, Error> {
        for address in addresses {
            channel(address, tls.as_ref())?;
        }
        let list: Arc<[Instance]> = addresses.iter().map(Instance::at).collect();
        Ok(Self::balanced("the server", watch::channel(list).1, tls))
    }
}

impl Service<http::Request<Body>> for Link {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        inject(request.headers_mut());
        self.inner.call(request)
    }
}

/// A [`Link`] whose calls are due by a deadline.
#[derive(Debug, Clone)]
pub struct BoundedLink {
    link: Link,
    deadline: Deadline,
}

impl Service<http::Request<Body>> for BoundedLink {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.link.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        self.deadline.put_on(request.headers_mut());
        let due = self.deadline.instant();
        let calling = self.link.call(request);
        Box::pin(async move {
            match tokio::time::timeout_at(due.into(), calling).await {
                Ok(answer) => answer,
                Err(_) => Ok(Status::deadline_exceeded("no answer by the deadline").into_http()),
            }
        })
    }
}
