//! Builds and serves each service.

use fairlead_domain::TenantId;
use fairlead_pricing::Keyring;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::process::ServiceProcess;
use super::ready;
use super::wait::until;
use crate::log::open_shared;
use crate::origins::{OriginSigning, require_keys};

pub(super) async fn profile(
    process: &ServiceProcess,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(parts) = process.parts(&listener, &shutdown).await? else {
        return Ok(());
    };
    let routes = parts.profile()?.routes();
    process.serve(listener, routes, shutdown).await
}

pub(super) async fn recall(
    process: &ServiceProcess,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(parts) = process.parts(&listener, &shutdown).await? else {
        return Ok(());
    };
    let service = parts.recall()?;
    ready::index(process, service.serving(), parts.releases);
    process.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn ranking(
    process: &ServiceProcess,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(parts) = process.parts(&listener, &shutdown).await? else {
        return Ok(());
    };
    let service = parts.ranking()?;
    ready::model(process, service.serving());
    process.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn pricing(
    process: &ServiceProcess,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let keys = process.config.signing_keys();
    if let Some(folder) = keys.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let keys = Keyring::kept_at(&keys)?;
    let Some(parts) = process.parts(&listener, &shutdown).await? else {
        return Ok(());
    };
    let service = parts.pricing(keys)?;
    ready::prices(process, service.prices());
    process.serve(listener, service.routes(), shutdown).await
}

pub(super) async fn gateway(
    process: &ServiceProcess,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let log = open_shared(&process.config)?;
    let signing = OriginSigning::of_one(&process.config)?;
    require_keys(&process.config, signing.keys.as_ref())?;
    let releases = process.follow(&listener)?;
    let deps = fairlead_gateway::Deps {
        clock: process.clock.clone(),
        registry: process.registry.clone(),
        log: log.clone(),
        releases,
        profile: process.link("profile")?,
        recall: process.link("recall")?,
        ranking: process.link("ranking")?,
        pricing: process.link("pricing")?,
        // The bank's systems hold API keys: no file is shared with them.
        tools: None,
        keys: Some(process.config.key_source(process.link("control")?)),
        open: listener.local_addr()?.ip().is_loopback(),
        origin_keys: signing.keys,
        tasks: process.tasks.clone(),
        shutdown: process.ended.clone(),
    };
    let service = fairlead_gateway::Service::new(process.config.gateway.clone(), deps).await?;
    let router = |grpc| service.router(grpc);
    let served = process
        .serve_with(listener, service.routes(), router, shutdown)
        .await;
    // The last decision records are still on their way to the log.
    process.ended.cancel();
    process.tasks.close();
    process.tasks.wait().await;
    log.close().await?;
    served
}

pub(super) async fn control_plane(
    process: &ServiceProcess,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = process.config.control();
    let local = process.config.local_callers()?;
    let log = match process.config.events.kafka.as_str() {
        "" => None,
        _ => Some(open_shared(&process.config)?),
    };
    let open = async || {
        let deps = fairlead_control_plane::Deps {
            clock: process.clock.clone(),
            log: log.clone(),
            shutdown: shutdown.clone(),
            local: local.clone(),
        };
        fairlead_control_plane::Service::new(&config, deps).await
    };
    let away = fairlead_control_plane::Error::is_transient;
    let opened = until("control database", &shutdown, open, away).await?;
    let Some(service) = opened else {
        return Ok(());
    };
    let tenant = TenantId::new(&process.config.tenant)?;
    if let Some(invitation) = service.invite_first_administrator(&tenant).await? {
        // Not in the log: whoever reads it later could come in.
        println!(
            "nobody has signed in yet; the first administrator does so once, within a day: \
             fairlead login --name NAME --invitation {invitation}"
        );
    }
    process.chassis.readiness.has("control database");
    let router = |grpc| service.router(grpc);
    let served = process
        .serve_with(listener, service.routes(), router, shutdown)
        .await;
    service.close().await;
    if let Some(log) = log {
        log.close().await?;
    }
    served
}
