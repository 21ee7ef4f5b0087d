//! The topics that the gateway writes.

use std::time::Duration;

use fairlead_event_log::{EventLog, TopicSpec};

use crate::Error;
use crate::config::Config;

/// Behaviour events; key: tenant and customer.
pub const EVENTS: &str = "fairlead.events.v1";
/// Decision records; key: tenant and request id.
pub const DECISIONS: &str = "fairlead.decisions.v1";

/// Makes the topics where they are not there yet.
pub(crate) async fn create(log: &dyn EventLog, config: &Config) -> Result<(), Error> {
    let spec = TopicSpec {
        partitions: config.partitions,
        retention: Duration::from_secs(config.retention_days * 86_400),
    };
    log.create_topic(EVENTS, spec).await?;
    log.create_topic(DECISIONS, spec).await?;
    Ok(())
}

/// The key of everything that belongs to one subject of one tenant.
pub(crate) fn key(tenant: &str, subject: &str) -> String {
    format!("{tenant}/{subject}")
}
