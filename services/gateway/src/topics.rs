//! The topics that the gateway writes.

use std::sync::Arc;
use std::time::Duration;

use fairlead_chassis::back_off::BackOff;
use fairlead_event_log::{EventLog, TopicSpec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Error;
use crate::config::Config;

/// Behaviour events; key: tenant and customer.
pub const EVENTS: &str = "fairlead.events.v1";
/// Decision records; key: tenant and request id.
pub const DECISIONS: &str = "fairlead.decisions.v1";
/// Decision records of accepted quotes, kept as long as the law asks; key: tenant and customer.
pub const ACCEPTANCES: &str = "fairlead.acceptances.v1";

/// The first and the longest pause between attempts to reach a log that is away.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(4));

/// Makes the topics that do not exist yet. While the log is away, a task in `tasks` tries again and again:
/// decisions can be made without a log.
pub(crate) async fn create(
    log: Arc<dyn EventLog>,
    config: &Config,
    tasks: &TaskTracker,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let topic = |days: u64| TopicSpec {
        partitions: config.partitions,
        retention: Duration::from_secs(days * 86_400),
    };
    let specs = Specs {
        usual: topic(config.retention_days),
        acceptances: topic(config.acceptances_kept_days),
    };
    match make(log.as_ref(), specs).await {
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "event log away, topics are made once it is there");
            tasks.spawn(keep_making(log, specs, shutdown));
            Ok(())
        }
        made => Ok(made?),
    }
}

/// How topics are made.
#[derive(Debug, Clone, Copy)]
struct Specs {
    usual: TopicSpec,
    acceptances: TopicSpec,
}

async fn make(log: &dyn EventLog, specs: Specs) -> Result<(), fairlead_event_log::Error> {
    log.create_topic(EVENTS, specs.usual).await?;
    log.create_topic(DECISIONS, specs.usual).await?;
    log.create_topic(ACCEPTANCES, specs.acceptances).await
}

async fn keep_making(log: Arc<dyn EventLog>, specs: Specs, shutdown: CancellationToken) {
    let mut back_off = BackOff::new(PAUSES.0, PAUSES.1);
    while back_off.pause_unless(&shutdown).await {
        match make(log.as_ref(), specs).await {
            Ok(()) => return tracing::info!("event log is there"),
            Err(error) if error.is_transient() => {}
            Err(error) => return tracing::error!(%error, "topics cannot be made"),
        }
    }
}

/// Returns the key of all records of one subject of one tenant.
pub(crate) fn key(tenant: &str, subject: &str) -> String {
    format!("{tenant}/{subject}")
}
