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
use crate::keyring::Keyring;
use crate::service::{Deps, Service};

/// Serves on `listener` until `shutdown`, then drains.
///
/// # Errors
/// A configuration that is not allowed, keys that do not read, a store that cannot be reached at
/// start, a server that stops by itself.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let tenant = TenantId::new(&config.tenant).map_err(|error| Error::Config {
        key: "tenant".to_owned(),
        value: error.value,
        allowed: error.allowed,
    })?;
    let keys = Keyring::configured(&config.signing)?;
    let control_plane = Link::connect(&config.control_plane)?;
    let options = FollowOptions::new(tenant, config.cache_dir.clone());
    let follower = Follower::new(control_plane, options);
    let store = OnlineStore::connect(&config.redis_url).await?;
    let deps = Deps {
        clock: Arc::new(SystemClock),
        registry: Registry::builtin(),
        releases: follower.handle(),
        quotes: Arc::new(store.quotes()),
        keys,
    };
    let service = Service::new(&config, deps)?;
    let mut following = JoinSet::new();
    following.spawn(follower.run(shutdown.clone()));
    let options = ServeOptions {
        name: "pricing",
        drain: Duration::from_millis(config.drain_ms),
    };
    Ok(serve(options, listener, service.routes(), shutdown).await?)
}
