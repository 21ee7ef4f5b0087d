//! Links: how one service calls another. A generated client is put on a link; whether the other
//! side is in this process or behind a network is the link's business alone.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::transport::Endpoint;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, Service, ServiceExt};

use crate::Error;
use crate::balance::Balanced;
use crate::discovery::{Instance, Instances};
use crate::observe::{ObserveLayer, inject};

/// How long a connection may take to be made: the other side is in the same data centre.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// A connection whose other end vanished without a word is found out after so long.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

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

    /// A link to the instances that discovery finds, balanced over them: power of two choices, one retry of what is safe to
    /// repeat, ejection of an instance that keeps failing.
    /// Connections are made when they are needed. Must be called inside a tokio runtime.
    pub fn balanced(service: &'static str, instances: Instances) -> Result<Self, Error> {
        Ok(Self {
            inner: BoxCloneSyncService::new(Balanced::new(service, instances)?),
        })
    }

    /// A link to the instances at `addresses`, `http://host:port`, balanced over them.
    pub fn connect(addresses: &[String]) -> Result<Self, Error> {
        for address in addresses {
            endpoint(address)?;
        }
        let list: Arc<[Instance]> = addresses.iter().map(Instance::at).collect();
        Self::balanced("the server", watch::channel(list).1)
    }
}

/// The endpoint of an address, where it reads.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, Error> {
    let refuse = |cause: String| Error::Address {
        value: text.to_owned(),
        cause,
    };
    let endpoint =
        Endpoint::from_shared(text.to_owned()).map_err(|error| refuse(error.to_string()))?;
    if endpoint.uri().scheme().is_none() {
        return Err(refuse("no scheme".to_owned()));
    }
    Ok(endpoint
        .tcp_nodelay(true)
        .http2_adaptive_window(true)
        .connect_timeout(CONNECT_LIMIT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE))
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
