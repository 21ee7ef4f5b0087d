//! The caller of a request.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fairlead_domain::{CustomerId, Origin, TenantId};

use crate::{Permissions, Refused, Requirement};

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Someone who signed in.
    Person,
    /// An app of the lender, by its key.
    Application,
    /// Another company's system, by its key.
    Partner,
    /// A process of this installation.
    Service,
    /// A customer, by the lender's own token for them.
    Customer,
    /// A command on the same machine, by the token in the data folder.
    Tools,
    /// Whoever reaches a port that is open to everybody.
    Anyone,
}

/// The tenants that a caller may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tenants {
    /// Each of them.
    Any,
    /// One.
    One(TenantId),
    /// Some, and what the caller may do in each.
    Each(Arc<BTreeMap<TenantId, Permissions>>),
}

/// The caller of a request: who it is, for whom it speaks, and what it may do.
///
/// A process makes one at its edge, from what the caller proved, and every handler takes it as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    kind: Kind,
    id: Arc<str>,
    tenants: Tenants,
    permissions: Permissions,
    origin: Origin,
    customer: Option<CustomerId>,
}

impl Principal {
    /// Returns a caller of this kind and id, who may do nothing yet, for no customer in particular,
    /// and who states facts as an app does.
    pub fn new(kind: Kind, id: &str, tenants: Tenants) -> Self {
        Self {
            kind,
            id: id.into(),
            tenants,
            permissions: Permissions::NONE,
            origin: Origin::App,
            customer: None,
        }
    }

    /// Returns the caller with these permissions instead, in each of its tenants.
    #[must_use]
    pub fn with_permissions(self, permissions: Permissions) -> Self {
        Self {
            permissions,
            ..self
        }
    }

    /// Returns the caller as one who has these permissions in these tenants, and no others.
    #[must_use]
    pub fn with_grants(self, grants: BTreeMap<TenantId, Permissions>) -> Self {
        let all = grants.values().copied();
        Self {
            permissions: all.fold(Permissions::NONE, Permissions::union),
            tenants: Tenants::Each(Arc::new(grants)),
            ..self
        }
    }

    /// Returns the caller as one who states facts with this authority.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// Returns the caller as one who speaks for this customer and no other.
    #[must_use]
    pub fn for_customer(self, customer: CustomerId) -> Self {
        Self {
            customer: Some(customer),
            ..self
        }
    }

    /// Returns the kind of caller.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the id, unique among callers of this kind.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the tenants that the caller may name.
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Returns what the caller may do, in whichever of its tenants.
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// Returns the origin of what the caller states.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns the only customer that the caller may name, or `None` if it may name each.
    pub fn customer(&self) -> Option<&CustomerId> {
        self.customer.as_ref()
    }

    /// Returns the caller as one who speaks for this tenant alone, with what it may do there.
    ///
    /// # Errors
    /// [`Refused::Tenant`] if the caller may not name the tenant.
    pub fn within(&self, tenant: &TenantId) -> Result<Self, Refused> {
        let permissions = match &self.tenants {
            Tenants::Any => Some(self.permissions),
            Tenants::One(own) => (own == tenant).then_some(self.permissions),
            Tenants::Each(grants) => grants.get(tenant).copied(),
        };
        let permissions = permissions.ok_or_else(|| Refused::Tenant(tenant.to_string()))?;
        Ok(Self {
            tenants: Tenants::One(tenant.clone()),
            permissions,
            ..self.clone()
        })
    }

    /// Checks that the caller may name a customer.
    ///
    /// # Errors
    /// [`Refused::Customer`] if the caller speaks for another one only.
    pub fn may_name(&self, customer: &str) -> Result<(), Refused> {
        match &self.customer {
            Some(own) if own.as_str() != customer => Err(Refused::Customer(customer.to_owned())),
            _ => Ok(()),
        }
    }

    /// Checks that the caller has all of these permissions.
    ///
    /// # Errors
    /// [`Refused::Permission`] names the first one that is missing.
    pub fn needs(&self, permissions: Permissions) -> Result<(), Refused> {
        permissions
            .iter()
            .map(|one| Requirement::AnyOf(Permissions::NONE.with(one)))
            .try_for_each(|one| one.check(self.permissions))
    }
}

impl fmt::Display for Principal {
    /// Writes kind and id, as the audit log names the caller: `person:ada`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Person => "person",
            Kind::Application => "application",
            Kind::Partner => "partner",
            Kind::Service => "service",
            Kind::Customer => "customer",
            Kind::Tools => "tools",
            Kind::Anyone => "anyone",
        };
        write!(out, "{kind}:{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Permission, Role};

    #[test]
    fn a_caller_may_do_what_was_granted_and_no_more() {
        let ada = Principal::new(Kind::Person, "ada", Tenants::Any);
        let draft = "/fairlead.control.v1.DraftService/GetDraft";
        let list = "/fairlead.control.v1.AuditService/ListAudit";
        let check = |caller: &Principal, path| {
            let requirement = Requirement::of(path).expect("a method");
            requirement.check(caller.permissions())
        };
        assert!(matches!(check(&ada, draft), Err(Refused::Permission(_))));
        let ada = ada.with_permissions(Role::Viewer.permissions());
        assert_eq!(check(&ada, draft), Ok(()));
        let refused = check(&ada, list).expect_err("no auditor").to_string();
        assert_eq!(refused, "this needs the permission audit.read");
        assert_eq!(Requirement::of("/grpc/x"), None);
        assert_eq!(ada.to_string(), "person:ada");
        let both = Permissions::NONE
            .with(Permission::Read)
            .with(Permission::LawEdit);
        let refused = ada.needs(both).expect_err("no law").to_string();
        assert_eq!(refused, "this needs the permission law.edit");
    }

    #[test]
    fn a_person_may_in_a_tenant_what_its_roles_there_allow() {
        let tenant = |name| TenantId::new(name).expect("a tenant");
        let (acme, other) = (tenant("acme"), tenant("other"));
        let roles = [(&acme, Role::Viewer), (&other, Role::Risk)];
        let grants = roles.map(|(tenant, role)| (tenant.clone(), role.permissions()));
        let ada = Principal::new(Kind::Person, "ada", Tenants::Any).with_grants(grants.into());
        assert!(ada.permissions().contains(Permission::LawEdit));
        let here = ada.within(&acme).expect("a tenant of hers");
        assert!(!here.permissions().contains(Permission::LawEdit));
        assert!(here.within(&other).is_err(), "it speaks for one by now");
        let there = ada.within(&other).expect("a tenant of hers");
        assert!(there.permissions().contains(Permission::LawEdit));
        let refused = ada.within(&tenant("third")).expect_err("none of hers");
        assert_eq!(refused, Refused::Tenant("third".to_owned()));
        let any = Principal::new(Kind::Tools, "local", Tenants::Any);
        assert!(any.within(&acme).is_ok());
    }

    #[test]
    fn who_speaks_for_a_customer_names_no_other() {
        let customer = |id| CustomerId::new(id).expect("a customer");
        let app = Principal::new(Kind::Application, "app", Tenants::Any);
        assert_eq!(app.may_name("c-2"), Ok(()));
        let own = app.for_customer(customer("c-1"));
        assert_eq!(own.may_name("c-1"), Ok(()));
        let refused = Refused::Customer("c-2".to_owned());
        assert_eq!(own.may_name("c-2"), Err(refused));
    }
}
