//! People and their roles.

use std::collections::BTreeMap;

use fairlead_domain::TenantId;
use fairlead_identity::Role;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Read, Store, Tx, Write};
use crate::Error;

/// A person, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonRow {
    pub(crate) name: String,
    /// The password's hash; empty for none.
    pub(crate) password: String,
    /// The subject at the identity provider; empty for none.
    pub(crate) subject: String,
    pub(crate) disabled: bool,
    pub(crate) created_at_ms: i64,
}

/// The roles of a person, by tenant.
pub(crate) type RolesByTenant = BTreeMap<TenantId, Vec<Role>>;

fn read_person(row: &AnyRow) -> Result<PersonRow, sqlx::Error> {
    Ok(PersonRow {
        name: row.try_get("name")?,
        password: row.try_get("password")?,
        subject: row.try_get("subject")?,
        disabled: row.try_get::<i64, _>("disabled")? != 0,
        created_at_ms: row.try_get("created_at_ms")?,
    })
}

async fn person(tx: &mut Tx, name: &str) -> Result<Option<PersonRow>, Error> {
    let one = sqlx::query(
        "SELECT name, password, subject, disabled, created_at_ms FROM people WHERE name = $1",
    )
    .bind(name);
    let row = tx.fetch_optional(one).await?;
    Ok(row.as_ref().map(read_person).transpose()?)
}

async fn person_of_subject(
    tx: &mut Tx,
    subject: &str,
) -> Result<Option<(PersonRow, RolesByTenant)>, Error> {
    let one =
        sqlx::query("SELECT name FROM people WHERE subject = $1 AND subject <> ''").bind(subject);
    let Some(row) = tx.fetch_optional(one).await? else {
        return Ok(None);
    };
    let name: String = row.try_get("name")?;
    let roles = roles_of(tx, &name).await?;
    Ok(person(tx, &name).await?.map(|person| (person, roles)))
}

async fn roles_of(tx: &mut Tx, name: &str) -> Result<RolesByTenant, Error> {
    let all = sqlx::query("SELECT tenant, role FROM person_roles WHERE person = $1").bind(name);
    by_tenant(&tx.fetch_all(all).await?)
}

/// Returns the roles of rows with the columns `tenant` and `role`. A role that this version does not
/// know gives nothing.
pub(super) fn by_tenant(rows: &[AnyRow]) -> Result<RolesByTenant, Error> {
    let mut roles = RolesByTenant::new();
    for row in rows {
        let (tenant, role): (String, String) = (row.try_get("tenant")?, row.try_get("role")?);
        let tenant = TenantId::new(&tenant).map_err(|error| Error::Corrupt {
            what: "a role".to_owned(),
            cause: error.to_string(),
        })?;
        roles
            .entry(tenant)
            .or_default()
            .extend(Role::from_name(&role));
    }
    Ok(roles)
}

impl Store {
    /// Returns a person and their roles, or `None` if there is none of this name.
    pub(crate) async fn person(
        &self,
        name: &str,
    ) -> Result<Option<(PersonRow, RolesByTenant)>, Error> {
        let mut tx = self.begin(self.dialect.begin_read()).await?;
        let Some(found) = person(&mut tx, name).await? else {
            return Ok(None);
        };
        let roles = roles_of(&mut tx, name).await?;
        Ok(Some((found, roles)))
    }

    /// Returns the person of a subject at the identity provider and their roles, or `None` if there is
    /// none.
    pub(crate) async fn person_of_subject(
        &self,
        subject: &str,
    ) -> Result<Option<(PersonRow, RolesByTenant)>, Error> {
        let mut tx = self.begin(self.dialect.begin_read()).await?;
        person_of_subject(&mut tx, subject).await
    }

    /// Returns true if there is any person.
    pub(crate) async fn has_people(&self) -> Result<bool, Error> {
        let mut tx = self.begin(self.dialect.begin_read()).await?;
        let one = sqlx::query("SELECT name FROM people LIMIT 1");
        Ok(tx.fetch_optional(one).await?.is_some())
    }
}

impl Read {
    /// Returns the people who have a role in the tenant, by name, with these roles.
    pub(crate) async fn people(&mut self) -> Result<Vec<(PersonRow, Vec<Role>)>, Error> {
        let all = sqlx::query(
            "SELECT p.name, p.password, p.subject, p.disabled, p.created_at_ms, r.role \
             FROM people p JOIN person_roles r ON r.person = p.name \
             WHERE r.tenant = $1 ORDER BY p.name",
        )
        .bind(self.tenant.as_str());
        let mut people: Vec<(PersonRow, Vec<Role>)> = Vec::new();
        for row in self.tx.fetch_all(all).await? {
            let person = read_person(&row)?;
            let role: String = row.try_get("role")?;
            if people.last().is_none_or(|(last, _)| *last != person) {
                people.push((person, Vec::new()));
            }
            if let Some((_, roles)) = people.last_mut() {
                roles.extend(Role::from_name(&role));
            }
        }
        Ok(people)
    }
}

impl Write {
    /// Returns a person and their roles, or `None` if there is none of this name.
    pub(crate) async fn person(
        &mut self,
        name: &str,
    ) -> Result<Option<(PersonRow, RolesByTenant)>, Error> {
        let Some(found) = person(&mut self.tx, name).await? else {
            return Ok(None);
        };
        let roles = roles_of(&mut self.tx, name).await?;
        Ok(Some((found, roles)))
    }

    /// Returns the person of a subject at the identity provider and their roles, or `None` if there is
    /// none.
    pub(crate) async fn person_of_subject(
        &mut self,
        subject: &str,
    ) -> Result<Option<(PersonRow, RolesByTenant)>, Error> {
        person_of_subject(&mut self.tx, subject).await
    }

    /// Adds a person without roles.
    pub(crate) async fn insert_person(&mut self, person: &PersonRow) -> Result<(), Error> {
        let insert = sqlx::query(
            "INSERT INTO people (name, password, subject, disabled, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&person.name)
        .bind(&person.password)
        .bind(&person.subject)
        .bind(i64::from(person.disabled))
        .bind(person.created_at_ms);
        self.tx.execute(insert).await?;
        Ok(())
    }

    /// Sets the password's hash; empty takes it away.
    pub(crate) async fn set_password(&mut self, name: &str, hash: &str) -> Result<(), Error> {
        let set = sqlx::query("UPDATE people SET password = $1 WHERE name = $2")
            .bind(hash)
            .bind(name);
        self.tx.execute(set).await?;
        Ok(())
    }

    /// Says if a person may sign in.
    pub(crate) async fn set_disabled(&mut self, name: &str, disabled: bool) -> Result<(), Error> {
        let set = sqlx::query("UPDATE people SET disabled = $1 WHERE name = $2")
            .bind(i64::from(disabled))
            .bind(name);
        self.tx.execute(set).await?;
        self.head.access_version += 1;
        Ok(())
    }

    /// Replaces the roles of a person in the tenant.
    pub(crate) async fn set_roles(&mut self, name: &str, roles: &[Role]) -> Result<(), Error> {
        let clear = sqlx::query("DELETE FROM person_roles WHERE tenant = $1 AND person = $2")
            .bind(self.tenant.as_str())
            .bind(name);
        self.tx.execute(clear).await?;
        for role in roles {
            let insert =
                sqlx::query("INSERT INTO person_roles (tenant, person, role) VALUES ($1, $2, $3)")
                    .bind(self.tenant.as_str())
                    .bind(name)
                    .bind(role.name());
            self.tx.execute(insert).await?;
        }
        self.head.access_version += 1;
        Ok(())
    }

    /// Returns the names of those who administer a tenant and may sign in.
    pub(crate) async fn administrators(&mut self, tenant: &TenantId) -> Result<Vec<String>, Error> {
        let all = sqlx::query(
            "SELECT p.name FROM people p JOIN person_roles r ON r.person = p.name \
             WHERE r.tenant = $1 AND r.role = $2 AND p.disabled = 0",
        )
        .bind(tenant.as_str())
        .bind(Role::Admin.name());
        let rows = self.tx.fetch_all(all).await?;
        let names = rows.iter().map(|row| row.try_get("name"));
        Ok(names.collect::<Result<_, sqlx::Error>>()?)
    }
}
