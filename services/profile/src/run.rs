//! The service as a process of its own.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::clock::SystemClock;
use fairlead_chassis::link::Link;
use fairlead_chassis::serve::{ServeOptions, serve};
use fairlead_domain::TenantId;
use fairlead_online::OnlineStore;
use fairlead_registry::Registry;
use fairlead_release::{FollowOptions, Follower};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::error::Error;
use crate::service::{Deps, Service};

/// Serves on `listener` until `shutdown`, then drains.
///
/// # Errors
/// A configuration that is not allowed, a store that cannot be reached at start, a server that
/// stops by itself.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let tenant = TenantId::new(&config.tenant).map_err(|error| Error::Config {
        key: "tenant",
        value: error.value,
        allowed: error.allowed,
    })?;
    let control_plane = Link::connect(&config.control_plane)?;
    let follower = Follower::new(
        control_plane,
        FollowOptions::new(tenant, config.cache_dir.clone()),
    );
    let deps = Deps {
        clock: Arc::new(SystemClock),
        registry: Registry::builtin(),
        store: Arc::new(OnlineStore::connect(&config.redis_url).await?),
        releases: follower.handle(),
    };
    let service = Service::new(&config, deps)?;
    let mut following = JoinSet::new();
    following.spawn(follower.run(shutdown.clone()));
    let options = ServeOptions {
        name: "profile",
        drain: Duration::from_millis(config.drain_ms),
    };
    Ok(serve(options, listener, service.routes(), shutdown).await?)
}
