//! The service: its parts, and its gRPC routes.

use std::sync::Arc;

use fairlead_authentication::oidc::Provider;
use fairlead_authentication::{LocalCallers, in_process};
use fairlead_chassis::clock::Clock;
use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_event_log::EventLog;
use fairlead_identity::Principal;
use fairlead_proto::access::v1::access_service_server::AccessServiceServer;
use fairlead_proto::access::v1::session_service_server::SessionServiceServer;
use fairlead_proto::control::v1::audit_service_server::AuditServiceServer;
use fairlead_proto::control::v1::draft_service_server::DraftServiceServer;
use fairlead_proto::control::v1::release_service_server::ReleaseServiceServer;
use fairlead_registry::Registry;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::{Response, Status};

use crate::address::Address;
use crate::audit::{Auditor, Passes};
use crate::call::Call;
use crate::config::{ClaimedRoles, OidcConfig};
use crate::store::{AuditEntry, Store};
use crate::watch::Watchers;
use crate::{Config, Error};

/// A catalogue of a hundred thousand products still fits one message.
const MAX_MESSAGE_BYTES: usize = 128 << 20;

/// The dependencies of the service.
#[derive(Clone)]
pub struct Deps {
    /// Gives releases and audit rows their time.
    pub clock: Arc<dyn Clock>,
    /// The log to which the heads of audit chains are written, or `None` if there is none.
    pub log: Option<Arc<dyn EventLog>>,
    /// Ends the streams of watchers, so that a server with watchers drains.
    pub shutdown: CancellationToken,
    /// The callers that are known by a file on the machine.
    pub local: LocalCallers,
}

/// Drafts, releases, audit and access. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    pub(crate) parts: Arc<Parts>,
}

pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) auditor: Arc<Auditor>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The feature definitions: the same as in every service.
    pub(crate) registry: Registry,
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) local: LocalCallers,
    /// The time for which a session is good, milliseconds.
    pub(crate) session_ms: i64,
    /// The identity provider at which people sign in, if there is one.
    pub(crate) provider: Option<Provider>,
    /// The roles that its groups stand for; `None` where roles are given here.
    pub(crate) claimed_roles: Option<ClaimedRoles>,
    /// See [`Config::max_removals_percent`].
    pub(crate) max_removals_percent: u32,
    /// The publications in flight: they finish even if their caller disconnects.
    pub(crate) publications: TaskTracker,
    /// Ends the tasks that listen for other instances and verify audit chains, also if the service is
    /// dropped unclosed.
    closing: DropGuard,
}

/// The result of a gRPC method.
pub(crate) type RpcResult<T> = Result<Response<T>, Status>;

/// Awaits the result of a call and returns it as the result of a gRPC method.
pub(crate) async fn respond<T>(call: impl Future<Output = Result<T, Error>>) -> RpcResult<T> {
    Ok(Response::new(call.await?))
}

impl Service {
    /// Opens the control database and brings it to this version; makes a SQLite file if there is
    /// none. On PostgreSQL it also listens for the releases that other instances publish. The audit
    /// chains are verified from now on; the log need not answer yet.
    ///
    /// # Errors
    /// A database that cannot be opened ([`Error::is_transient`] is true if a later try may
    /// succeed) or is of a newer version.
    pub async fn new(config: &Config, deps: Deps) -> Result<Self, Error> {
        config.audit.check()?;
        let oidc = config.oidc.as_ref();
        let provider = oidc.map(|oidc| oidc.provider(&deps.clock)).transpose()?;
        let claimed_roles = oidc.map(OidcConfig::claimed_roles).transpose()?.flatten();
        let store = Store::open(config).await?;
        let publications = TaskTracker::new();
        let closing = CancellationToken::new();
        let auditor = Arc::new(Auditor::new(store.clone(), deps.log, &config.audit));
        let passes = Passes::new(auditor.clone(), deps.clock.clone(), &config.audit);
        let end_of_passes = closing.clone();
        publications.spawn(async move {
            end_of_passes.run_until_cancelled(passes.run()).await;
        });
        let watchers = Arc::new(Watchers::default());
        let (ends, wakes) = (closing.clone(), Arc::clone(&watchers));
        let listening = Address::read(&config.database)?
            .listen(move |notification| wakes.on_notification(notification));
        publications.spawn(async move {
            Box::pin(ends.run_until_cancelled(listening)).await;
        });
        Ok(Self {
            parts: Arc::new(Parts {
                store,
                auditor,
                clock: deps.clock,
                registry: Registry::builtin(),
                watchers,
                shutdown: deps.shutdown,
                local: deps.local,
                session_ms: config.checked_session_ms()?,
                provider,
                claimed_roles,
                max_removals_percent: config.max_removals_percent,
                publications,
                closing: closing.drop_guard(),
            }),
        })
    }

    /// Checks that the control database answers.
    ///
    /// # Errors
    /// The database does not answer; the error names it.
    pub async fn ready(&self) -> Result<(), Error> {
        self.parts.store.ready().await
    }

    /// Returns the gRPC services. They are to be served behind [`Service::router`]: a call that did not
    /// come through its guard is refused.
    pub fn routes(&self) -> Routes {
        let releases = ReleaseServiceServer::new(self.clone());
        let drafts = DraftServiceServer::new(self.clone());
        Routes::new(releases.max_decoding_message_size(MAX_MESSAGE_BYTES))
            .add_service(drafts.max_decoding_message_size(MAX_MESSAGE_BYTES))
            .add_service(AuditServiceServer::new(self.clone()))
            .add_service(AccessServiceServer::new(self.clone()))
            .add_service(SessionServiceServer::new(self.clone()))
    }

    /// Returns a link for a caller in this process.
    pub fn in_process(&self, caller: Principal) -> Link {
        in_process(self.routes(), caller)
    }

    /// Waits for publications in flight and closes the database. Call it after the last request.
    pub async fn close(&self) {
        self.parts.closing.token().cancel();
        self.parts.publications.close();
        self.parts.publications.wait().await;
        self.parts.store.close().await;
    }

    /// Returns the audit entry of a change made now.
    pub(crate) fn entry(
        &self,
        call: &Call,
        action: &'static str,
        subject: impl Into<String>,
        detail: serde_json::Value,
    ) -> AuditEntry {
        AuditEntry {
            at_ms: self.parts.clock.now_ms(),
            actor: call.actor(),
            action,
            subject: subject.into(),
            detail,
        }
    }

    /// Tells watchers that the tenant has news.
    pub(crate) fn announce(&self, tenant: &TenantId) {
        self.parts.watchers.announce(tenant);
    }
}
