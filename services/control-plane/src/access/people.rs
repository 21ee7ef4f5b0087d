//! People and their roles.

use fairlead_domain::TenantId;
use fairlead_identity::{Kind, Permission, Permissions, Role};
use fairlead_proto::access::v1::{
    CreatePersonRequest, CreatePersonResponse, DisablePersonRequest, DisablePersonResponse,
    InvitePersonRequest, InvitePersonResponse, ListPeopleResponse, Person, SetRolesRequest,
    SetRolesResponse,
};
use serde_json::json;

use super::arguments;
use super::secret::{fresh, hash_of};
use crate::Error;
use crate::access_error::AccessError;
use crate::call::Call;
use crate::service::Service;
use crate::store::{AuditEntry, PersonRow, RolesByTenant, Write};

/// The time for which an invitation is good.
const INVITED_FOR_MS: i64 = 24 * 3_600_000;

/// The beginning of the secret of an invitation.
const INVITATION: &str = "fli_";

impl Service {
    pub(super) async fn add_person(
        &self,
        call: &Call,
        request: CreatePersonRequest,
    ) -> Result<CreatePersonResponse, Error> {
        let name = arguments::name(&request.name)?;
        let subject = arguments::subject(&request.subject)?;
        let roles = arguments::roles(&request.roles)?;
        if roles.is_empty() {
            let all = Role::ALL.map(Role::name).join(", ");
            return Err(Error::argument(
                "roles",
                "",
                format!("one or more of {all}"),
            ));
        }
        let now_ms = self.parts.clock.now_ms();
        let mut write = self.parts.store.write(&call.tenant).await?;
        if write.person(name).await?.is_some() {
            return Err(Error::Exists {
                what: "name",
                value: name.to_owned(),
                allowed: "another name, or SetRoles for this person",
            });
        }
        let person = PersonRow {
            name: name.to_owned(),
            password: String::new(),
            subject: subject.to_owned(),
            disabled: false,
            created_at_ms: now_ms,
        };
        write.insert_person(&person).await?;
        write.set_roles(name, &roles).await?;
        let mut invitation = String::new();
        if subject.is_empty() {
            invitation = fresh(INVITATION);
            let until_ms = now_ms + INVITED_FOR_MS;
            write
                .put_invitation(name, &hash_of(&invitation), until_ms)
                .await?;
        }
        let detail = json!({"roles": names(&roles), "subject": subject});
        let entry = self.entry(
            call,
            "access.person-create",
            format!("person {name}"),
            detail,
        );
        self.commit_access(write, entry, &call.tenant).await?;
        Ok(CreatePersonResponse {
            expires_at_ms: if invitation.is_empty() {
                0
            } else {
                now_ms + INVITED_FOR_MS
            },
            invitation,
        })
    }

    pub(super) async fn invite_again(
        &self,
        call: &Call,
        request: InvitePersonRequest,
    ) -> Result<InvitePersonResponse, Error> {
        let name = arguments::name(&request.name)?;
        let mut write = self.parts.store.write(&call.tenant).await?;
        let (person, roles) = known(&mut write, call, name).await?;
        administers_all(call, &roles)?;
        if !person.subject.is_empty() {
            let allowed = "a person who signs in here, not at the identity provider";
            return Err(Error::argument("name", name, allowed));
        }
        let now_ms = self.parts.clock.now_ms();
        let (invitation, until_ms) = (fresh(INVITATION), now_ms + INVITED_FOR_MS);
        write
            .put_invitation(name, &hash_of(&invitation), until_ms)
            .await?;
        write.set_password(name, "").await?;
        write.end_sessions(name).await?;
        let subject = format!("person {name}");
        let entry = self.entry(call, "access.person-invite", subject, json!({}));
        self.commit_access(write, entry, &call.tenant).await?;
        Ok(InvitePersonResponse {
            invitation,
            expires_at_ms: until_ms,
        })
    }

    pub(super) async fn read_people(&self, call: &Call) -> Result<ListPeopleResponse, Error> {
        let mut read = self.parts.store.read(&call.tenant).await?;
        let people = read
            .people()
            .await?
            .into_iter()
            .map(|(person, roles)| Person {
                name: person.name,
                roles: roles.iter().map(ToString::to_string).collect(),
                disabled: person.disabled,
                subject: person.subject,
                has_password: !person.password.is_empty(),
                created_at_ms: person.created_at_ms,
            });
        Ok(ListPeopleResponse {
            people: people.collect(),
        })
    }

    pub(super) async fn replace_roles(
        &self,
        call: &Call,
        request: SetRolesRequest,
    ) -> Result<SetRolesResponse, Error> {
        let name = arguments::name(&request.name)?;
        let roles = arguments::roles(&request.roles)?;
        not_oneself(call, name)?;
        let mut write = self.parts.store.write(&call.tenant).await?;
        let found = write.person(name).await?;
        let (_, before) = found.ok_or_else(|| nobody(name))?;
        write.set_roles(name, &roles).await?;
        keeps_an_administrator(&mut write, &call.tenant, &before).await?;
        let earlier = before.get(&call.tenant).cloned().unwrap_or_default();
        let detail = json!({"before": names(&earlier), "after": names(&roles)});
        let entry = self.entry(call, "access.roles-set", format!("person {name}"), detail);
        self.commit_access(write, entry, &call.tenant).await?;
        Ok(SetRolesResponse {})
    }

    pub(super) async fn disable(
        &self,
        call: &Call,
        request: DisablePersonRequest,
    ) -> Result<DisablePersonResponse, Error> {
        let name = arguments::name(&request.name)?;
        not_oneself(call, name)?;
        let mut write = self.parts.store.write(&call.tenant).await?;
        let (_, roles) = known(&mut write, call, name).await?;
        administers_all(call, &roles)?;
        write.set_disabled(name, !request.enable).await?;
        write.end_sessions(name).await?;
        for tenant in roles.keys() {
            keeps_an_administrator(&mut write, tenant, &roles).await?;
        }
        let action = if request.enable {
            "access.person-enable"
        } else {
            "access.person-disable"
        };
        let entry = self.entry(call, action, format!("person {name}"), json!({}));
        self.commit_access(write, entry, &call.tenant).await?;
        self.tell_other_tenants(&roles, &call.tenant).await?;
        Ok(DisablePersonResponse {})
    }

    /// Returns the secret by which the first administrator of a tenant signs in, or `None` if there are
    /// people. It is good once, for a day; one that was made before is not any more.
    ///
    /// # Errors
    /// The control database failed.
    pub async fn invite_first_administrator(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<String>, Error> {
        if self.parts.store.has_people().await? {
            return Ok(None);
        }
        let mut write = self.parts.store.write(tenant).await?;
        let invitation = fresh(INVITATION);
        let at_ms = self.parts.clock.now_ms();
        let until_ms = at_ms + INVITED_FOR_MS;
        write
            .put_invitation("", &hash_of(&invitation), until_ms)
            .await?;
        let entry = AuditEntry {
            at_ms,
            actor: "service:control".to_owned(),
            action: "access.first-administrator",
            subject: "invitation".to_owned(),
            detail: json!({"until_ms": until_ms}),
        };
        write.commit(entry).await?;
        Ok(Some(invitation))
    }

    /// Commits a write to what callers may do, and wakes those who follow.
    pub(super) async fn commit_access(
        &self,
        mut write: Write,
        entry: AuditEntry,
        tenant: &TenantId,
    ) -> Result<(), Error> {
        write.notify().await?;
        let committed = write.commit(entry).await;
        // Also if the answer to the commit was lost: who follows reads the database itself.
        self.announce(tenant);
        committed
    }

    /// Wakes those who follow another tenant in which a person has roles.
    pub(super) async fn tell_other_tenants(
        &self,
        roles: &RolesByTenant,
        told: &TenantId,
    ) -> Result<(), Error> {
        for tenant in roles.keys().filter(|tenant| *tenant != told) {
            let store = &self.parts.store;
            store.access_changed(tenant).await?;
            self.announce(tenant);
        }
        Ok(())
    }
}

pub(super) fn names(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|role| role.name()).collect()
}

fn nobody(name: &str) -> Error {
    Error::NotFound {
        what: "name",
        value: name.to_owned(),
        allowed: "the name of a person, as ListPeople says".to_owned(),
    }
}

/// Returns a person who has a role in the tenant of the call.
async fn known(
    write: &mut Write,
    call: &Call,
    name: &str,
) -> Result<(PersonRow, RolesByTenant), Error> {
    let found = write.person(name).await?;
    let here = found.filter(|(_, roles)| roles.contains_key(&call.tenant));
    here.ok_or_else(|| nobody(name))
}

/// Checks that a person does not act on themselves.
fn not_oneself(call: &Call, name: &str) -> Result<(), Error> {
    if call.caller.kind() == Kind::Person && call.caller.id() == name {
        return Err(AccessError::OwnRoles.into());
    }
    Ok(())
}

/// Checks that the caller administers every tenant in which a person has a role: what concerns the
/// person concerns all of them.
fn administers_all(call: &Call, roles: &RolesByTenant) -> Result<(), Error> {
    let edit = Permissions::NONE.with(Permission::AccessEdit);
    for tenant in roles.keys() {
        let within = call.everywhere.within(tenant).map_err(Error::refused)?;
        within.needs(edit).map_err(Error::refused)?;
    }
    Ok(())
}

/// Checks that a tenant that had an administrator keeps one.
pub(super) async fn keeps_an_administrator(
    write: &mut Write,
    tenant: &TenantId,
    before: &RolesByTenant,
) -> Result<(), Error> {
    let was = before
        .get(tenant)
        .is_some_and(|roles| roles.contains(&Role::Admin));
    if was && write.administrators(tenant).await?.is_empty() {
        return Err(AccessError::LastAdministrator.into());
    }
    Ok(())
}
