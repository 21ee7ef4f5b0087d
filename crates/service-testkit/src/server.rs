//! A service under test: served over TCP, and asked.

use std::time::Duration;

use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::service::Routes;
use tonic::{Request, Status};

use crate::PATIENCE;

/// The longest that calls in flight may go on after a test ended.
const DRAIN: Duration = Duration::from_secs(1);

/// A service on a free port of this machine, until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// The way to it.
    pub link: Link,
    _serving: JoinSet<()>,
    _stop: DropGuard,
}

impl Server {
    /// Serves what is routed; `name` is what logs call it.
    pub async fn start(name: &'static str, routes: Routes) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let link = Link::connect(&[format!("http://{}", listener.local_addr()?)])?;
        let stop = CancellationToken::new();
        let token = stop.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let options = ServeOptions {
                name,
                drain: DRAIN,
                tls: None,
            };
            let served = serve(options, listener, routes, token).await;
            assert!(served.is_ok(), "{served:?}");
        });
        Ok(Self {
            link,
            _serving: serving,
            _stop: stop.drop_guard(),
        })
    }
}

/// Returns the request with a time limit on it.
pub fn within<T>(limit: Duration, request: T) -> Request<T> {
    let mut request = Request::new(request);
    request.set_timeout(limit);
    request
}

/// Returns the state of a service, once that is as wanted.
///
/// # Panics
/// It is not so within [`PATIENCE`], or the service ended.
pub async fn until<S: Clone>(mut serving: watch::Receiver<S>, wanted: impl FnMut(&S) -> bool) -> S {
    let found = tokio::time::timeout(PATIENCE, serving.wait_for(wanted)).await;
    found.expect("in time").expect("the service runs").clone()
}

/// Asks at once, and after each change of the state of the service, until the answer is as wanted.
///
/// # Errors
/// A call fails, the service ends, or the answer is not so within [`PATIENCE`].
pub async fn ask_until<S, T>(
    mut serving: watch::Receiver<S>,
    mut ask: impl AsyncFnMut() -> Result<T, Status>,
    wanted: impl Fn(&T) -> bool,
) -> anyhow::Result<T> {
    let asking = async {
        loop {
            let answer = ask().await?;
            if wanted(&answer) {
                return Ok(answer);
            }
            serving.changed().await?;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await?
}
