//! Following keys and sessions: all that is good now, then again after each change.

use fairlead_domain::TenantId;
use fairlead_proto::access::v1::{
    FollowKeysResponse, FollowedKey, FollowedSecret, FollowedSession,
};
use futures::Stream;
use tokio::sync::watch;
use tonic::Status;

use super::sessions::permissions_of;
use crate::Error;
use crate::service::Service;
use crate::store::SecretRow;

/// One that follows.
struct Follower {
    service: Service,
    tenant: TenantId,
    woken: watch::Receiver<()>,
    /// The newest version that it was sent.
    has: i64,
}

/// Returns what is good for a tenant: now, if it is newer than `have_version`, then after each change.
/// The stream ends when the service shuts down.
///
/// # Errors
/// A version that is not allowed.
pub(super) fn follow(
    service: Service,
    tenant: TenantId,
    have_version: i64,
) -> Result<impl Stream<Item = Result<FollowKeysResponse, Status>> + Send + 'static, Error> {
    if have_version < 0 {
        let allowed = "the version that the caller has, or 0 for none";
        return Err(Error::argument("have_version", have_version, allowed));
    }
    let follower = Follower {
        woken: service.parts.watchers.subscribe(&tenant),
        service,
        tenant,
        has: have_version,
    };
    Ok(futures::stream::unfold(Some(follower), |follower| async {
        let mut follower: Follower = follower?;
        match follower.next().await {
            Ok(Some(response)) => Some((Ok(response), Some(follower))),
            Ok(None) => None,
            Err(error) => Some((Err(error.into()), None)),
        }
    }))
}

impl Follower {
    /// Waits for a version newer than those sent and returns it, or `None` at shutdown.
    async fn next(&mut self) -> Result<Option<FollowKeysResponse>, Error> {
        let shutdown = self.service.parts.shutdown.clone();
        loop {
            // Marked before the read: any later change wakes it again.
            self.woken.mark_unchanged();
            if let Some(newer) = self.newer().await? {
                self.has = newer.version;
                return Ok(Some(newer));
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(None),
                woken = self.woken.changed() => if woken.is_err() { return Ok(None) },
            }
        }
    }

    /// Returns what is good now, or `None` if it was sent already.
    async fn newer(&self) -> Result<Option<FollowKeysResponse>, Error> {
        let parts = &self.service.parts;
        let mut read = parts.store.read(&self.tenant).await?;
        // A tenant without any write has something to say too: nothing is good.
        let version = read.head.access_version + 1;
        if version <= self.has {
            return Ok(None);
        }
        let now_ms = parts.clock.now_ms();
        let (keys, mut secrets) = (read.keys().await?, read.secrets().await?);
        let keys_were_made = !keys.is_empty();
        let keys = keys.into_iter().filter(|key| key.revoked_at_ms == 0);
        let keys = keys.map(|key| FollowedKey {
            secrets: secrets
                .remove(&key.id)
                .unwrap_or_default()
                .iter()
                .map(followed)
                .collect(),
            key: Some(key),
        });
        let keys = keys.collect();
        let sessions = read.sessions(now_ms).await?.into_iter();
        let sessions = sessions.map(|(hash, session)| FollowedSession {
            sha256: hex::decode(hash).unwrap_or_default(),
            person: session.person,
            permissions: session
                .roles
                .values()
                .flat_map(|roles| permissions_of(roles).iter())
                .map(i32::from)
                .collect(),
            expires_at_ms: session.expires_at_ms,
        });
        Ok(Some(FollowKeysResponse {
            version,
            keys,
            sessions: sessions.collect(),
            keys_were_made,
        }))
    }
}

fn followed((hash, until_ms): &SecretRow) -> FollowedSecret {
    FollowedSecret {
        sha256: hex::decode(hash).unwrap_or_default(),
        until_ms: *until_ms,
    }
}
