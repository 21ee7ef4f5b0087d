//! A gateway with its log and a control plane, for imports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fairlead_authentication::{LocalCallers, tools};
use fairlead_chassis::clock::{Clock, SystemClock};
use fairlead_chassis::link::Link;
use fairlead_domain::TenantId;
use fairlead_event_log::{EmbeddedEventLog, EmbeddedOptions, EventLog, Position};
use fairlead_gateway::topics::EVENTS;
use fairlead_import::{ImportReport, ImportSource, ReadOptions, Replace};
use fairlead_proto::catalogue::v1::Product;
use fairlead_proto::control::v1::GetDraftRequest;
use fairlead_proto::control::v1::draft_service_client::DraftServiceClient;
use fairlead_proto::event::v1::Event;
use fairlead_registry::Registry;
use fairlead_release_follow::ReleaseHandle;
use prost::Message as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

/// A gateway with its log and a control plane, in a temporary folder.
pub(crate) struct ImportFixture {
    pub(crate) folder: tempfile::TempDir,
    log: Arc<dyn EventLog>,
    gateway: fairlead_gateway::Service,
    control: Link,
    pub(crate) tenant: TenantId,
    shutdown: CancellationToken,
}

impl ImportFixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = EmbeddedOptions::new(folder.path().join("log"));
        let log: Arc<dyn EventLog> =
            Arc::new(EmbeddedEventLog::open(options).await.expect("a log"));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let shutdown = CancellationToken::new();
        let no_service = || Link::in_process(Routes::default());
        let gateway = fairlead_gateway::Service::new(
            fairlead_gateway::Config::default(),
            fairlead_gateway::Deps {
                clock: clock.clone(),
                registry: Registry::builtin(),
                log: log.clone(),
                releases: ReleaseHandle::empty(),
                profile: no_service(),
                recall: no_service(),
                ranking: no_service(),
                pricing: no_service(),
                tools: None,
                keys: None,
                open: true,
                origin_keys: None,
                tasks: TaskTracker::new(),
                shutdown: shutdown.clone(),
            },
        );
        let config = fairlead_control_plane::Config {
            database: format!("sqlite:{}", folder.path().join("control.db").display()),
            ..fairlead_control_plane::Config::default()
        };
        let deps = fairlead_control_plane::Deps {
            clock,
            log: None,
            shutdown: shutdown.clone(),
            local: LocalCallers::default(),
        };
        let control = fairlead_control_plane::Service::new(&config, deps).await;
        Self {
            gateway: gateway.await.expect("a gateway"),
            control: control.expect("a control plane").in_process(tools()),
            folder,
            log,
            tenant: TenantId::new("demo").expect("a tenant"),
            shutdown,
        }
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    pub(crate) async fn import(&self, what: &str, file: &Path) -> anyhow::Result<ImportReport> {
        self.import_as(what, file, &ReadOptions::default()).await
    }

    /// Imports a file that is read by these options.
    pub(crate) async fn import_as(
        &self,
        what: &str,
        file: &Path,
        options: &ReadOptions,
    ) -> anyhow::Result<ImportReport> {
        self.run(&self.gateway.in_process(), what, file, options, false)
            .await
    }

    /// Returns a link to the gateway for a caller who is an app.
    pub(crate) fn gateway_of_an_app(&self) -> Link {
        let router = self
            .gateway
            .router(self.gateway.routes().into_axum_router());
        Link::in_process(router.into())
    }

    /// Imports a file through a link to the gateway.
    pub(crate) async fn import_through(
        &self,
        gateway: &Link,
        what: &str,
        file: &Path,
    ) -> anyhow::Result<ImportReport> {
        self.run(gateway, what, file, &ReadOptions::default(), false)
            .await
    }

    /// Reads and checks a file, and sends nothing.
    pub(crate) async fn dry_run(&self, what: &str, file: &Path) -> anyhow::Result<ImportReport> {
        let gateway = self.gateway.in_process();
        self.run(&gateway, what, file, &ReadOptions::default(), true)
            .await
    }

    async fn run(
        &self,
        gateway: &Link,
        what: &str,
        file: &Path,
        options: &ReadOptions,
        dry_run: bool,
    ) -> anyhow::Result<ImportReport> {
        let source = ImportSource {
            file,
            options,
            rejects: None,
            tenant: &self.tenant,
            now_ms: SystemClock.now_ms(),
            dry_run,
            progress: &|_| (),
        };
        let registry = Registry::builtin();
        match what {
            "catalogue" => {
                let replace = Replace::Withdraw(&|_| Ok(true));
                fairlead_import::catalogue(&self.control, replace, &source).await
            }
            "customers" => fairlead_import::customers(gateway, &registry, &source).await,
            _ => fairlead_import::events(gateway, &registry, &source).await,
        }
    }

    /// Returns every event in the log.
    pub(crate) async fn logged(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for range in self.log.offsets(EVENTS).await.expect("offsets") {
            let place = Position {
                partition: range.partition,
                offset: range.start,
            };
            let records = self.log.read(EVENTS, place, 10_000).await.expect("records");
            let read = |record: &bytes::Bytes| Event::decode(record.clone()).expect("an event");
            events.extend(records.iter().map(|one| read(&one.record.payload)));
        }
        events
    }

    /// Returns the last event of a customer in the log.
    pub(crate) async fn of_customer(&self, customer: &str) -> Event {
        let logged = self.logged().await;
        let own = logged
            .into_iter()
            .rev()
            .find(|one| one.customer_id == customer);
        own.unwrap_or_else(|| panic!("no event of {customer}"))
    }

    /// Returns the drafted products.
    pub(crate) async fn drafted(&self) -> Vec<Product> {
        let mut drafts = DraftServiceClient::new(self.control.clone());
        let tenant = self.tenant.to_string();
        let draft = drafts
            .get_draft(GetDraftRequest { tenant })
            .await
            .expect("a draft");
        let draft = draft.into_inner().draft.unwrap_or_default();
        draft.catalogue.unwrap_or_default().products
    }

    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        self.log.close().await.expect("closed");
    }
}
