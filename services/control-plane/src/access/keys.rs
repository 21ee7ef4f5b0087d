//! Keys of apps and partners.

use fairlead_identity::permission_name;
use fairlead_proto::access::v1::{
    CreateKeyRequest, CreateKeyResponse, Key, ListKeysResponse, RevokeKeyRequest,
    RevokeKeyResponse, RotateKeyRequest, RotateKeyResponse,
};
use serde_json::json;

use super::arguments;
use super::secret::{fresh, hash_of};
use crate::Error;
use crate::call::Call;
use crate::service::Service;
use crate::store::Write;

impl Service {
    pub(super) async fn make_key(
        &self,
        call: &Call,
        request: CreateKeyRequest,
    ) -> Result<CreateKeyResponse, Error> {
        let now_ms = self.parts.clock.now_ms();
        arguments::validity(request.not_before_ms, request.expires_at_ms, now_ms)?;
        let scopes = arguments::scopes(&request)?;
        let key = Key {
            id: format!("flk_{:012x}", rand::random::<u64>() >> 16),
            name: arguments::key_name(&request.name)?.to_owned(),
            kind: request.kind,
            origin: arguments::origin(request.kind(), &request.origin)?
                .name()
                .to_owned(),
            scopes: scopes.iter().map(i32::from).collect(),
            requests_per_second: arguments::rate(request.requests_per_second)?,
            not_before_ms: request.not_before_ms,
            expires_at_ms: request.expires_at_ms,
            revoked_at_ms: 0,
            created_at_ms: now_ms,
            created_by: call.actor(),
        };
        let secret = secret_of(&key.id);
        let mut write = self.parts.store.write(&call.tenant).await?;
        write.insert_key(&key).await?;
        write
            .add_secret(&key.id, &hash_of(&secret), now_ms, now_ms)
            .await?;
        let detail = json!({
            "name": key.name,
            "kind": request.kind().as_str_name(),
            "origin": key.origin,
            "scopes": scopes.iter().map(permission_name).collect::<Vec<_>>(),
            "requests_per_second": key.requests_per_second,
            "not_before_ms": key.not_before_ms,
            "expires_at_ms": key.expires_at_ms,
        });
        let entry = self.entry(call, "access.key-create", format!("key {}", key.id), detail);
        self.commit_access(write, entry, &call.tenant).await?;
        Ok(CreateKeyResponse {
            key: Some(key),
            secret,
        })
    }

    pub(super) async fn read_keys(&self, call: &Call) -> Result<ListKeysResponse, Error> {
        let mut read = self.parts.store.read(&call.tenant).await?;
        Ok(ListKeysResponse {
            keys: read.keys().await?,
        })
    }

    pub(super) async fn make_secret(
        &self,
        call: &Call,
        request: RotateKeyRequest,
    ) -> Result<RotateKeyResponse, Error> {
        let overlap = arguments::overlap(request.overlap_seconds)?;
        let now_ms = self.parts.clock.now_ms();
        let before_until_ms = now_ms + overlap * 1_000;
        let mut write = self.parts.store.write(&call.tenant).await?;
        let key = good(&mut write, &request.id).await?;
        let secret = secret_of(&key.id);
        let hash = hash_of(&secret);
        write
            .add_secret(&key.id, &hash, now_ms, before_until_ms)
            .await?;
        let detail = json!({"before_until_ms": before_until_ms});
        let entry = self.entry(call, "access.key-rotate", format!("key {}", key.id), detail);
        self.commit_access(write, entry, &call.tenant).await?;
        Ok(RotateKeyResponse {
            secret,
            before_until_ms,
        })
    }

    pub(super) async fn end_key(
        &self,
        call: &Call,
        request: RevokeKeyRequest,
    ) -> Result<RevokeKeyResponse, Error> {
        let mut write = self.parts.store.write(&call.tenant).await?;
        let key = good(&mut write, &request.id).await?;
        let now_ms = self.parts.clock.now_ms();
        write.revoke_key(&key.id, now_ms).await?;
        let detail = json!({"name": key.name});
        let entry = self.entry(call, "access.key-revoke", format!("key {}", key.id), detail);
        self.commit_access(write, entry, &call.tenant).await?;
        Ok(RevokeKeyResponse {})
    }
}

/// Returns a fresh secret of a key: its id, an underscore, 256 random bits in hex.
fn secret_of(id: &str) -> String {
    fresh(&format!("{id}_"))
}

/// Returns the tenant's key of this id, which was not revoked.
async fn good(write: &mut Write, id: &str) -> Result<Key, Error> {
    let key = write.key(id).await?;
    let key = key.filter(|key| key.revoked_at_ms == 0);
    key.ok_or_else(|| Error::NotFound {
        what: "id",
        value: id.to_owned(),
        allowed: "the id of a key that was not revoked, as ListKeys says".to_owned(),
    })
}
