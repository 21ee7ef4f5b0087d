//! Links: how one service calls another. A generated client is put on a link; whether the other
//! side is in this process or behind a network is the link's business alone.

use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, Service, ServiceExt};

use crate::Error;
use crate::observe::{ObserveLayer, inject};

/// Where the instances of a service are.
#[derive(Debug, Clone)]
pub enum Discovery {
    /// In this process.
    InProcess(Routes),
    /// At these addresses: `http://host:port`.
    Static(Vec<String>),
}

type Inner = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, BoxError>;

/// The transport of a generated client. Cheap to clone.
///
/// Outgoing calls carry the trace context; the deadline that the caller put on the request is
/// enforced by the served side's layer, and for remote calls by the transport as well.
#[derive(Debug, Clone)]
pub struct Link {
    inner: Inner,
}

impl Link {
    /// A link to instances found by `discovery`. Remote connections are made lazily.
    pub fn to(discovery: Discovery) -> Result<Self, Error> {
        match discovery {
            Discovery::InProcess(routes) => Ok(Self::in_process(routes)),
            Discovery::Static(addresses) => Self::connect(&addresses),
        }
    }

    /// A link straight onto a server in this process, with the same layer as a served one.
    pub fn in_process(routes: Routes) -> Self {
        let observed = ObserveLayer.layer(routes.prepare());
        Self {
            inner: BoxCloneSyncService::new(ServiceExt::<http::Request<Body>>::map_err(
                observed,
                BoxError::from,
            )),
        }
    }

    /// A link to the instances at `addresses`, balanced over them.
    pub fn connect(addresses: &[String]) -> Result<Self, Error> {
        let endpoints = addresses
            .iter()
            .map(|text| endpoint(text))
            .collect::<Result<Vec<_>, _>>()?;
        let channel = match <[Endpoint; 1]>::try_from(endpoints) {
            Ok([only]) => only.connect_lazy(),
            Err(several) => Channel::balance_list(several.into_iter()),
        };
        Ok(Self {
            inner: BoxCloneSyncService::new(channel.map_err(BoxError::from)),
        })
    }
}

fn endpoint(text: &str) -> Result<Endpoint, Error> {
    let refuse = |cause: String| Error::Address {
        value: text.to_owned(),
        cause,
    };
    let endpoint =
        Endpoint::from_shared(text.to_owned()).map_err(|error| refuse(error.to_string()))?;
    if endpoint.uri().scheme().is_none() {
        return Err(refuse("no scheme".to_owned()));
    }
    Ok(endpoint.tcp_nodelay(true).http2_adaptive_window(true))
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
