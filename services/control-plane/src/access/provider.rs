//! Signing in at the identity provider: whom it names, and with which roles.

use std::collections::BTreeSet;

use fairlead_authentication::jwt::Claims;
use fairlead_authentication::oidc::Proof;
use fairlead_identity::Role;
use fairlead_proto::access::v1::{GetProviderResponse, Session, SignInByProviderRequest};
use serde_json::json;

use super::arguments;
use super::people::{keeps_an_administrator, names};
use crate::Error;
use crate::access_error::AccessError;
use crate::config::ClaimedRoles;
use crate::service::Service;
use crate::store::{AuditEntry, PersonRow, RolesByTenant, Write};

impl Service {
    pub(super) async fn where_to_sign_in(&self) -> Result<GetProviderResponse, Error> {
        let Some(provider) = &self.parts.provider else {
            return Ok(GetProviderResponse::default());
        };
        let address = provider.authorization_endpoint().await;
        let address = address.map_err(AccessError::from)?;
        Ok(GetProviderResponse {
            issuer: provider.issuer().to_owned(),
            client_id: provider.client_id().to_owned(),
            authorization_endpoint: address,
        })
    }

    pub(super) async fn open_by_provider(
        &self,
        request: SignInByProviderRequest,
    ) -> Result<Session, Error> {
        let provider = self
            .parts
            .provider
            .as_ref()
            .ok_or(AccessError::NoProvider)?;
        let proof = Proof {
            code: request.code,
            verifier: request.code_verifier,
            redirect_uri: request.redirect_uri,
            nonce: request.nonce,
        };
        let redeemed = provider.redeem(&proof).await;
        let claims = redeemed.map_err(|error| {
            metrics::counter!("fairlead_sign_ins_total", "outcome" => "refused").increment(1);
            tracing::warn!(%error, "sign-in by the identity provider refused");
            AccessError::from(error)
        })?;
        if let Some(claimed) = &self.parts.claimed_roles {
            self.take_roles(claimed, &claims).await?;
        }
        let subject = &claims.subject;
        let known = self.parts.store.person_of_subject(subject).await?;
        let (person, roles) = known.ok_or_else(|| AccessError::UnknownSubject(subject.clone()))?;
        if person.disabled {
            return Err(AccessError::WrongSignIn.into());
        }
        let detail = json!({"by": "provider", "issuer": provider.issuer()});
        self.open_session(&person, &roles, detail).await
    }

    /// Gives the person of these claims the roles that the provider's groups stand for, and adds the
    /// person where there is none of this subject.
    async fn take_roles(&self, claimed: &ClaimedRoles, claims: &Claims) -> Result<(), Error> {
        let now: BTreeSet<Role> = claims
            .texts(&claimed.claim)
            .into_iter()
            .filter_map(|group| claimed.roles.get(group))
            .flatten()
            .copied()
            .collect();
        let roles: Vec<Role> = now.iter().copied().collect();
        let mut write = self.parts.store.write(&claimed.tenant).await?;
        let found = write.person_of_subject(&claims.subject).await?;
        let (name, before) = match found {
            Some((person, before)) => (person.name, before),
            None if roles.is_empty() => return Err(AccessError::NoRoles.into()),
            None => {
                let name = self.add_of_provider(&mut write, claimed, claims).await?;
                (name, RolesByTenant::new())
            }
        };
        let earlier = before.get(&claimed.tenant).cloned().unwrap_or_default();
        if earlier.iter().copied().collect::<BTreeSet<Role>>() == now {
            return Ok(());
        }
        write.set_roles(&name, &roles).await?;
        keeps_an_administrator(&mut write, &claimed.tenant, &before).await?;
        let entry = AuditEntry {
            at_ms: self.parts.clock.now_ms(),
            actor: "service:identity-provider".to_owned(),
            action: "access.roles-set",
            subject: format!("person {name}"),
            detail: json!({"before": names(&earlier), "after": names(&roles)}),
        };
        self.commit_access(write, entry, &claimed.tenant).await
    }

    /// Adds the person of these claims, and returns the name. One who signs in otherwise under the same
    /// name stays who they are: the sign-in is refused.
    async fn add_of_provider(
        &self,
        write: &mut Write,
        claimed: &ClaimedRoles,
        claims: &Claims,
    ) -> Result<String, Error> {
        let stated = claims.text(&claimed.name_claim).unwrap_or_default();
        let name = arguments::name(&stated.to_lowercase())?.to_owned();
        let subject = arguments::subject(&claims.subject)?.to_owned();
        if write.person(&name).await?.is_some() {
            return Err(Error::Exists {
                what: "name",
                value: name,
                allowed: "a name that no other person has: an administrator may give this person the \
                          subject of the identity provider",
            });
        }
        let person = PersonRow {
            name: name.clone(),
            password: String::new(),
            subject,
            disabled: false,
            created_at_ms: self.parts.clock.now_ms(),
        };
        write.insert_person(&person).await?;
        Ok(name)
    }
}
