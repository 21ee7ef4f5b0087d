//! Sessions of people: opened by a password, an invitation or an identity provider, and ended.

use fairlead_identity::{Kind, Permissions, Principal, Role, Tenants};
use fairlead_proto::access::v1::{
    AcceptInvitationRequest, Grant, Session, SignInRequest, WhoAmIResponse,
};
use serde_json::json;

use super::secret::{fresh, hash_of};
use super::{arguments, password};
use crate::Error;
use crate::access_error::AccessError;
use crate::service::Service;
use crate::store::{AuditEntry, InvitationRow, PersonRow, RolesByTenant};

/// The beginning of the bearer token of a session.
const SESSION: &str = "fls_";

/// Wrong passwords in a row before a name is paused, and the longest pause.
const FREE_FAILURES: i64 = 5;
const LONGEST_PAUSE_MS: i64 = 15 * 60_000;

/// Returns how long a name is paused after so many failures in a row: from the fifth on a second, which
/// doubles with each, up to a quarter of an hour.
fn pause_ms(failures: i64) -> i64 {
    if failures < FREE_FAILURES {
        return 0;
    }
    let doublings = (failures - FREE_FAILURES).min(20);
    LONGEST_PAUSE_MS.min(1_000 << doublings)
}

/// Returns the caller that shows this bearer token of a session, or `None` if no session has it or its
/// time is over.
pub(crate) async fn session_of(
    service: &Service,
    bearer: &str,
) -> Result<Option<Principal>, Error> {
    if !bearer.starts_with(SESSION) {
        return Ok(None);
    }
    let session = service.parts.store.session(&hash_of(bearer)).await?;
    let now_ms = service.parts.clock.now_ms();
    let good = session.filter(|session| session.expires_at_ms > now_ms);
    Ok(good.map(|session| {
        let grants = session.roles.into_iter();
        let grants = grants.map(|(tenant, roles)| (tenant, permissions_of(&roles)));
        Principal::new(Kind::Person, &session.person, Tenants::Any).with_grants(grants.collect())
    }))
}

/// Returns what these roles may do together.
pub(super) fn permissions_of(roles: &[Role]) -> Permissions {
    let each = roles.iter().map(|role| role.permissions());
    each.fold(Permissions::NONE, Permissions::union)
}

impl Service {
    pub(super) async fn open_by_password(&self, request: SignInRequest) -> Result<Session, Error> {
        let SignInRequest { name, password } = request;
        // A name that no person can have is no reason to write anything.
        let name = arguments::name(&name).map_err(|_| AccessError::WrongSignIn)?;
        let now_ms = self.parts.clock.now_ms();
        let counted = self
            .parts
            .store
            .count_attempt(name, now_ms, pause_ms)
            .await?;
        let failures = counted.map_err(|until_ms| {
            metrics::counter!("fairlead_sign_ins_total", "outcome" => "paused").increment(1);
            let seconds = (until_ms - now_ms).unsigned_abs().div_ceil(1_000);
            AccessError::SignInPaused { seconds }
        })?;
        let person = self.parts.store.person(name).await?;
        let hash = person.as_ref().map_or("", |(person, _)| &person.password);
        let right = password::is(&password, hash).await?;
        let person = person.filter(|(person, _)| right && !person.disabled);
        let Some((person, roles)) = person else {
            metrics::counter!("fairlead_sign_ins_total", "outcome" => "refused").increment(1);
            tracing::warn!(failures, "sign-in refused");
            return Err(AccessError::WrongSignIn.into());
        };
        self.parts.store.forget_failures(name).await?;
        // The attempt itself was counted before it was looked at.
        let detail = json!({"by": "password", "failures_before": failures - 1});
        self.open_session(&person, &roles, detail).await
    }

    pub(super) async fn open_by_invitation(
        &self,
        request: AcceptInvitationRequest,
    ) -> Result<Session, Error> {
        let name = arguments::name(&request.name)?;
        let password = password::checked(&request.password, name)?;
        let token_hash = hash_of(&request.invitation);
        let now_ms = self.parts.clock.now_ms();
        let invitation = self.parts.store.invitation(&token_hash).await?;
        let good = invitation.filter(|one| {
            let named = one.person.is_empty() || one.person == name;
            named && one.expires_at_ms > now_ms
        });
        let invitation = good.ok_or(AccessError::WrongSignIn)?;
        let hash = password::hashed(password).await?;
        self.take_invitation(&invitation, &token_hash, name, &hash)
            .await?;
        let known = self.parts.store.person(name).await?;
        let enabled = known.filter(|(person, _)| !person.disabled);
        let (person, roles) = enabled.ok_or(AccessError::WrongSignIn)?;
        self.parts.store.forget_failures(name).await?;
        let detail = json!({"by": "invitation"});
        self.open_session(&person, &roles, detail).await
    }

    /// Ends an invitation and sets the password, or adds the first administrator with it.
    async fn take_invitation(
        &self,
        invitation: &InvitationRow,
        token_hash: &str,
        name: &str,
        password: &str,
    ) -> Result<(), Error> {
        let tenant = &invitation.tenant;
        let first = invitation.person.is_empty();
        if first && self.parts.store.has_people().await? {
            return Err(AccessError::WrongSignIn.into());
        }
        let at_ms = self.parts.clock.now_ms();
        let mut write = self.parts.store.write(tenant).await?;
        if !write.use_invitation(token_hash).await? {
            return Err(AccessError::WrongSignIn.into());
        }
        if first {
            let person = PersonRow {
                name: name.to_owned(),
                password: password.to_owned(),
                subject: String::new(),
                disabled: false,
                created_at_ms: at_ms,
            };
            write.insert_person(&person).await?;
            write.set_roles(name, &[Role::Admin]).await?;
        } else {
            write.set_password(name, password).await?;
        }
        let entry = AuditEntry {
            at_ms,
            actor: format!("person:{name}"),
            action: "access.invitation-accept",
            subject: format!("person {name}"),
            detail: json!({"first_administrator": first}),
        };
        self.commit_access(write, entry, tenant).await
    }

    /// Opens a session of a person who proved who they are.
    ///
    /// # Errors
    /// The person has no role anywhere, or the control database failed.
    pub(super) async fn open_session(
        &self,
        person: &PersonRow,
        roles: &RolesByTenant,
        detail: serde_json::Value,
    ) -> Result<Session, Error> {
        let name = &person.name;
        let tenant = roles.keys().next().ok_or(AccessError::NoRoles)?;
        let at_ms = self.parts.clock.now_ms();
        let expires_at_ms = at_ms + self.parts.session_ms;
        let token = fresh(SESSION);
        let mut write = self.parts.store.write(tenant).await?;
        write
            .insert_session(&hash_of(&token), name, at_ms, expires_at_ms)
            .await?;
        let entry = AuditEntry {
            at_ms,
            actor: format!("person:{name}"),
            action: "session.open",
            subject: format!("person {name}"),
            detail,
        };
        self.commit_access(write, entry, tenant).await?;
        self.tell_other_tenants(roles, tenant).await?;
        metrics::counter!("fairlead_sign_ins_total", "outcome" => "opened").increment(1);
        Ok(Session {
            token,
            expires_at_ms,
            person: name.clone(),
        })
    }

    /// Ends the session of a bearer token.
    pub(super) async fn end_session(&self, caller: &Principal, token: &str) -> Result<(), Error> {
        let person = self.parts.store.person(caller.id()).await?;
        let (_, roles) = person.ok_or(AccessError::WrongSignIn)?;
        let tenant = roles.keys().next().ok_or(AccessError::NoRoles)?;
        let mut write = self.parts.store.write(tenant).await?;
        write.end_session(&hash_of(token)).await?;
        let entry = AuditEntry {
            at_ms: self.parts.clock.now_ms(),
            actor: caller.to_string(),
            action: "session.end",
            subject: format!("person {}", caller.id()),
            detail: json!({}),
        };
        self.commit_access(write, entry, tenant).await?;
        self.tell_other_tenants(&roles, tenant).await
    }
}

/// Returns who calls, and what the caller may do in each tenant.
pub(super) fn who(caller: &Principal) -> WhoAmIResponse {
    let grant = |tenant: String, permissions: Permissions| Grant {
        tenant,
        permissions: permissions.iter().map(i32::from).collect(),
    };
    let grants = match caller.tenants() {
        Tenants::Any => vec![grant(String::new(), caller.permissions())],
        Tenants::One(tenant) => vec![grant(tenant.to_string(), caller.permissions())],
        Tenants::Each(grants) => grants
            .iter()
            .map(|(tenant, permissions)| grant(tenant.to_string(), *permissions))
            .collect(),
    };
    WhoAmIResponse {
        actor: caller.to_string(),
        grants,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_begins_late_doubles_and_ends_growing() {
        assert_eq!((0..5).map(pause_ms).sum::<i64>(), 0);
        assert_eq!([5, 6, 7].map(pause_ms), [1_000, 2_000, 4_000]);
        assert_eq!([15, 40, i64::MAX].map(pause_ms), [LONGEST_PAUSE_MS; 3]);
    }
}
