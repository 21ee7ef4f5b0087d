//! The services, each built on the ground of its process.

use fairlead_pricing::Keyring;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::wait::until;
use super::{Ground, ready};
use crate::log::open_shared;

pub(super) async fn profile(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(parts) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let routes = parts.profile()?.routes();
    ground.serve(listener, routes, shutdown).await
}

pub(super) async fn recall(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(parts) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let service = parts.recall()?;
    ready::index(ground, service.serving(), parts.releases);
    ground.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn ranking(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(parts) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let service = parts.ranking()?;
    ready::model(ground, service.serving());
    ground.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn pricing(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let keys = ground.config.signing_keys();
    if let Some(folder) = keys.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let keys = Keyring::kept_at(&keys)?;
    let Some(parts) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let service = parts.pricing(keys)?;
    ready::prices(ground, service.prices());
    ground.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn gateway(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let log = open_shared(&ground.config)?;
    let releases = ground.follow(&listener)?;
    let deps = fairlead_gateway::Deps {
        clock: ground.clock.clone(),
        registry: ground.registry.clone(),
        log: log.clone(),
        releases,
        profile: ground.link("profile")?,
        recall: ground.link("recall")?,
        ranking: ground.link("ranking")?,
        pricing: ground.link("pricing")?,
        tasks: ground.tasks.clone(),
        shutdown: ground.ended.clone(),
    };
    let service = fairlead_gateway::Service::new(ground.config.gateway.clone(), deps).await?;
    let router = |grpc| service.router(grpc);
    let served = ground
        .serve_with(listener, service.routes(), router, shutdown)
        .await;
    // What was decided last is still on its way to the log.
    ground.ended.cancel();
    ground.tasks.close();
    ground.tasks.wait().await;
    log.close().await?;
    served
}

pub(super) async fn control_plane(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = ground.config.control();
    std::fs::create_dir_all(&ground.config.data_dir)?;
    let open = async || {
        let deps = fairlead_control_plane::Deps {
            clock: ground.clock.clone(),
            shutdown: shutdown.clone(),
        };
        fairlead_control_plane::Service::new(&config, deps).await
    };
    let away = fairlead_control_plane::Error::is_transient;
    let opened = until("control database", &shutdown, open, away).await?;
    let Some(service) = opened else {
        return Ok(());
    };
    ground.process.readiness.has("control database");
    let served = ground.serve(listener, service.routes(), shutdown).await;
    service.close().await;
    served
}
