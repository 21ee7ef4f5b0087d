//! The services, each built on the ground of its process.

use std::sync::Arc;

use fairlead_pricing::Keyring;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{FIRST_PAUSE, Ground, LONGEST_PAUSE, ready};
use crate::log::open_shared;

pub(super) async fn profile(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some((store, releases)) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let deps = fairlead_profile::Deps {
        clock: ground.clock.clone(),
        registry: ground.registry.clone(),
        store: Arc::new(store),
        releases,
    };
    let service = fairlead_profile::Service::new(&ground.config.profile, deps)?;
    ground.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn recall(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some((store, releases)) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let deps = fairlead_recall::Deps {
        clock: ground.clock.clone(),
        registry: ground.registry.clone(),
        store: Arc::new(store),
        releases: releases.clone(),
    };
    let service = fairlead_recall::Service::new(&ground.config.recall, deps)?;
    ready::index(ground, service.serving(), releases);
    ground.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn ranking(
    ground: &Ground,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some((store, releases)) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let deps = fairlead_ranking::Deps {
        clock: ground.clock.clone(),
        registry: ground.registry.clone(),
        store: Arc::new(store),
        releases,
    };
    let service = fairlead_ranking::Service::new(&ground.config.ranking, deps)?;
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
    let Some((store, releases)) = ground.furnish(&listener, &shutdown).await? else {
        return Ok(());
    };
    let deps = fairlead_pricing::Deps {
        clock: ground.clock.clone(),
        registry: ground.registry.clone(),
        releases,
        quotes: Arc::new(store.quotes()),
        keys,
    };
    let service = fairlead_pricing::Service::new(&ground.config.pricing, deps)?;
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
    let mut pause = FIRST_PAUSE;
    let service = loop {
        let deps = fairlead_control_plane::Deps {
            clock: ground.clock.clone(),
            shutdown: shutdown.clone(),
        };
        match fairlead_control_plane::Service::new(&config, deps).await {
            Ok(service) => break service,
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "control database away, waiting for it");
            }
            Err(error) => return Err(error.into()),
        }
        let waited = shutdown
            .run_until_cancelled(tokio::time::sleep(pause))
            .await;
        if waited.is_none() {
            return Ok(());
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    ground.process.readiness.has("control database");
    let served = ground.serve(listener, service.routes(), shutdown).await;
    service.close().await;
    served
}
