//! The configured event log.

use std::sync::Arc;

use fairlead_event_log::{
    EmbeddedEventLog, EmbeddedOptions, EventLog, KafkaEventLog, KafkaOptions,
};

use crate::config::AppConfig;

/// Opens the log for all services in one process: the embedded one in the data folder, or Kafka,
/// which must answer now.
pub(crate) async fn open(config: &AppConfig) -> anyhow::Result<Arc<dyn EventLog>> {
    if config.events.kafka.is_empty() {
        return embedded(config).await;
    }
    let options = KafkaOptions::new(config.events.kafka.clone());
    Ok(Arc::new(KafkaEventLog::connect(options).await?))
}

/// Opens the log for one service among others: Kafka, which need not answer yet.
pub(crate) fn open_shared(config: &AppConfig) -> anyhow::Result<Arc<dyn EventLog>> {
    anyhow::ensure!(
        !config.events.kafka.is_empty(),
        "`events.kafka` is empty: name the brokers, HOST:PORT (the embedded log serves one process, `fairlead up`)"
    );
    let options = KafkaOptions::new(config.events.kafka.clone());
    Ok(Arc::new(KafkaEventLog::open(options)?))
}

async fn embedded(config: &AppConfig) -> anyhow::Result<Arc<dyn EventLog>> {
    let options = EmbeddedOptions::new(config.data_dir.join("log"));
    Ok(Arc::new(EmbeddedEventLog::open(options).await?))
}
