//! Options of the commands that start every service in their own process.

use std::path::PathBuf;

use clap::Args;

use crate::config::AppConfig;

/// The configuration of all services in one process.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Configuration file; see `fairlead up --print-config` for every key.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data folder.
    #[arg(long = "data-dir", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Kafka's bootstrap servers instead of the embedded event log.
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
}

impl ConfigArgs {
    /// Returns the configuration: defaults, file, environment, then these options.
    pub fn load(&self) -> anyhow::Result<AppConfig> {
        let mut config = AppConfig::load(self.config.as_deref())?;
        if let Some(data) = &self.data_dir {
            config.data_dir.clone_from(data);
        }
        if let Some(kafka) = &self.kafka {
            config.events.kafka.clone_from(kafka);
        }
        Ok(config)
    }
}
