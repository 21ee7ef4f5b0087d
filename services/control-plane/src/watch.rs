//! Watchers: each publication wakes them, and they read the newest release then. A slow watcher
//! skips the releases in between; one that disconnects leaves nothing behind.

use std::collections::HashMap;

use fairlead_domain::TenantId;
use fairlead_proto::control::v1::WatchResponse;
use futures::Stream;
use parking_lot::Mutex;
use tokio::sync::watch;
use tonic::Status;

use crate::Error;
use crate::service::Service;
use crate::store::Notification;

/// The watchers to wake, by tenant: of releases, and of what callers may do. They read the database
/// themselves; this only tells them when.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    tenants: Mutex<HashMap<TenantId, watch::Sender<()>>>,
}

impl Watchers {
    /// Returns what is woken when the tenant has news.
    pub(crate) fn subscribe(&self, tenant: &TenantId) -> watch::Receiver<()> {
        let mut tenants = self.tenants.lock();
        // Drops tenants without watchers.
        tenants.retain(|_, sender| sender.receiver_count() > 0);
        tenants.entry(tenant.clone()).or_default().subscribe()
    }

    /// Wakes the watchers of a tenant.
    pub(crate) fn announce(&self, tenant: &TenantId) {
        if let Some(sender) = self.tenants.lock().get(tenant) {
            sender.send_replace(());
        }
    }

    /// Wakes the watchers that a notification concerns.
    pub(crate) fn on_notification(&self, notification: Notification<'_>) {
        match notification {
            Notification::Tenant(tenant) => self.announce(tenant),
            Notification::AnyTenant => {
                for sender in self.tenants.lock().values() {
                    sender.send_replace(());
                }
            }
        }
    }
}

/// One watcher.
struct Watcher {
    service: Service,
    tenant: TenantId,
    woken: watch::Receiver<()>,
    /// The newest revision that it was sent.
    has: i64,
}

/// Returns the releases of a tenant from now on: the one in force if it is newer than
/// `have_revision`, then the newest after each publication. The stream ends when the service shuts
/// down.
///
/// # Errors
/// A revision that is not allowed.
pub(crate) fn watch(
    service: Service,
    tenant: TenantId,
    have_revision: i64,
) -> Result<impl Stream<Item = Result<WatchResponse, Status>> + Send + 'static, Error> {
    if have_revision < 0 {
        let allowed = "the revision served, or 0 for none";
        return Err(Error::argument("have_revision", have_revision, allowed));
    }
    let watcher = Watcher {
        woken: service.parts.watchers.subscribe(&tenant),
        service,
        tenant,
        has: have_revision,
    };
    Ok(futures::stream::unfold(Some(watcher), |watcher| async {
        let mut watcher: Watcher = watcher?;
        match watcher.next().await {
            Ok(Some(response)) => Some((Ok(response), Some(watcher))),
            Ok(None) => None,
            Err(error) => Some((Err(error.into()), None)),
        }
    }))
}

impl Watcher {
    /// Waits for a release newer than those sent and returns it, or `None` at shutdown.
    async fn next(&mut self) -> Result<Option<WatchResponse>, Error> {
        let shutdown = self.service.parts.shutdown.clone();
        loop {
            // Marked before the read: any later publication wakes it again.
            self.woken.mark_unchanged();
            let mut read = self.service.parts.store.read(&self.tenant).await?;
            let newest = read.head.revision;
            if newest > self.has {
                let release = read.release(newest).await?;
                self.has = newest;
                return Ok(Some(WatchResponse { release }));
            }
            drop(read);
            tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                woken = self.woken.changed() => if woken.is_err() { return Ok(None) },
            }
        }
    }
}
