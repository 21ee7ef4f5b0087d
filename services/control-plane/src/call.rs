//! A call: who makes it, and for which tenant. Every handler takes one.

use fairlead_authentication::{caller as caller_of, caller_within};
use fairlead_domain::TenantId;
use fairlead_identity::Principal;
use fairlead_proto::{access::v1 as access, control::v1 as control};
use tonic::Request;

use crate::{Error, arguments};

/// Who makes a call, for which tenant. The caller may do in this tenant what the method requires.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) tenant: TenantId,
    /// The caller, with what it may do in this tenant.
    pub(crate) caller: Principal,
    /// The caller, with what it may do in each of its tenants.
    pub(crate) everywhere: Principal,
}

/// A request that names its tenant.
pub(crate) trait ForTenant {
    /// Returns the name.
    fn tenant(&self) -> &str;
}

macro_rules! for_tenant {
    ($area:ident: $($request:ident),+ $(,)?) => {$(
        impl ForTenant for $area::$request {
            fn tenant(&self) -> &str {
                &self.tenant
            }
        }
    )+};
}

for_tenant!(control:
    CheckDraftRequest,
    GetDraftRequest,
    GetReleaseRequest,
    LintStrategyRequest,
    ListAuditRequest,
    ListInstancesRequest,
    ListReleasesRequest,
    PublishRequest,
    PutExperimentsRequest,
    PutModelRequest,
    PutProductsRequest,
    PutSettingsRequest,
    PutStrategyRequest,
    ReportRequest,
    RollBackRequest,
    VerifyAuditRequest,
    WatchRequest,
);

for_tenant!(access:
    CreateKeyRequest,
    CreatePersonRequest,
    DisablePersonRequest,
    FollowKeysRequest,
    InvitePersonRequest,
    ListKeysRequest,
    ListPeopleRequest,
    RevokeKeyRequest,
    RotateKeyRequest,
    SetRolesRequest,
);

impl Call {
    /// Returns the call of a request, and its message.
    ///
    /// # Errors
    /// The tenant is not allowed; or nobody is known who calls, or may not call this for the tenant.
    pub(crate) fn of<T: ForTenant>(request: Request<T>) -> Result<(Self, T), Error> {
        let tenant = arguments::tenant(request.get_ref().tenant())?;
        let caller = caller_within(&request, &tenant)?;
        let call = Self {
            tenant,
            caller,
            everywhere: caller_of(&request)?,
        };
        Ok((call, request.into_inner()))
    }

    /// Returns the caller as the audit log names it: `person:ada`.
    pub(crate) fn actor(&self) -> String {
        self.caller.to_string()
    }
}
