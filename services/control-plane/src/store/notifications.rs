//! Notifications of what is new in a tenant, a release or what callers may do: on PostgreSQL, the
//! transaction that writes it also notifies a channel, on which every control plane listens.

use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use fairlead_domain::TenantId;
use sqlx::postgres::{PgListener, PgPoolOptions};

use super::{Dialect, Tx};
use crate::Error;
use crate::address::Address;

/// The channel; each message is the name of a tenant.
const CHANNEL: &str = "fairlead_releases";

/// The silence after which the connection is tested: one whose other end vanished looks the same as
/// one without notifications.
const ASK_AFTER: Duration = Duration::from_secs(10);

const ANSWER_LIMIT: Duration = Duration::from_secs(5);

const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(2);

/// A notification that some instance has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notification<'a> {
    /// This tenant has news.
    Tenant(&'a TenantId),
    /// Any tenant may have one: notifications may have been missed.
    AnyTenant,
}

/// Notifies the channel, once this transaction commits, that the tenant has news.
pub(super) async fn notify(tx: &mut Tx, dialect: Dialect, tenant: &TenantId) -> Result<(), Error> {
    if dialect == Dialect::Postgres {
        let notify = sqlx::query("SELECT pg_notify($1, $2)");
        tx.execute(notify.bind(CHANNEL).bind(tenant.as_str()))
            .await?;
    }
    Ok(())
}

impl Address {
    /// Listens over a connection of its own and never returns; on SQLite, which has no channel, it
    /// returns at once.
    pub(crate) async fn listen(self, on_notification: impl Fn(Notification<'_>)) {
        let Self::Postgres { url, shown } = self else {
            return;
        };
        let mut back_off = BackOff::new(FIRST_BACK_OFF, LONGEST_BACK_OFF);
        loop {
            match open(&url).await {
                Ok(mut listener) => {
                    back_off.reset();
                    metrics::gauge!("fairlead_control_listening").set(1.0);
                    // Releases may have been published before this connection.
                    on_notification(Notification::AnyTenant);
                    let error = listen_until_lost(&mut listener, &on_notification).await;
                    metrics::gauge!("fairlead_control_listening").set(0.0);
                    tracing::warn!(database = shown, %error, "channel of releases lost");
                }
                Err(error) => {
                    tracing::warn!(database = shown, %error, "channel of releases cannot be opened");
                }
            }
            back_off.pause().await;
        }
    }
}

async fn open(url: &str) -> Result<PgListener, sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(ANSWER_LIMIT)
        .connect(url)
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    // We reconnect ourselves, to announce what was missed meanwhile.
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Listens until the connection is lost, and returns the cause.
async fn listen_until_lost(
    listener: &mut PgListener,
    on_notification: &impl Fn(Notification<'_>),
) -> sqlx::Error {
    let lost = || sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into());
    loop {
        match tokio::time::timeout(ASK_AFTER, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => match TenantId::new(notification.payload()) {
                Ok(tenant) => on_notification(Notification::Tenant(&tenant)),
                Err(_) => on_notification(Notification::AnyTenant),
            },
            Ok(Ok(None)) => return lost(),
            Ok(Err(error)) => return error,
            Err(_) => {
                let asked = sqlx::query("SELECT 1").execute(&mut *listener);
                match tokio::time::timeout(ANSWER_LIMIT, asked).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return error,
                    Err(_) => return lost(),
                }
            }
        }
    }
}
