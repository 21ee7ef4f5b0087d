//! Questions in SQL over the files, each row counted once whatever a compaction is doing.

mod output;
mod provider;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};

pub use self::output::Format;
use self::provider::{FilesTable, Scanned, root_url};
use crate::config::Config;
use crate::error::Error;
use crate::store::Store;
use crate::table::Table;

/// Files may be merged away between planning and reading: the question is then asked again ...
const ATTEMPTS: usize = 6;
/// ... after a pause, which doubles: merged files take their places within seconds.
const PAUSE: Duration = Duration::from_millis(100);
/// Spilling starts at this share of the memory allowed.
const MEMORY_SHARE: f64 = 1.0;

/// Answers questions over one lake.
pub struct Query {
    context: SessionContext,
    store: Store,
    scanned: Scanned,
}

impl Query {
    /// Tables over the lake in `store`.
    pub fn new(config: &Config, store: &Store) -> Result<Self, Error> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(config.sql_memory_bytes, MEMORY_SHARE)
            .build_arc()?;
        let session = SessionConfig::new().with_information_schema(true);
        let context = SessionContext::new_with_config_rt(session, runtime);
        context.register_object_store(AsRef::as_ref(&root_url()), store.objects());
        let scanned = Scanned::default();
        for table in Table::ALL {
            let provider = FilesTable::new(store.clone(), table, scanned.clone());
            context.register_table(table.name(), Arc::new(provider))?;
        }
        Ok(Self {
            context,
            store: store.clone(),
            scanned,
        })
    }

    /// Answers `sql` in a format, to standard output or into a file, which appears whole.
    pub async fn answer(&self, sql: &str, format: Format, out: Option<&Path>) -> Result<(), Error> {
        let (mut attempt, mut pause) = (1, PAUSE);
        loop {
            self.scanned.clear();
            match self.attempt(sql, format, out).await {
                // What fails with a file says so in many ways; that the file is gone has one.
                Err(_) if attempt < ATTEMPTS && self.scanned.vanished(&self.store).await? => {
                    attempt += 1;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answered => return answered,
            }
        }
    }

    async fn attempt(&self, sql: &str, format: Format, out: Option<&Path>) -> Result<(), Error> {
        let frame = self.frame(sql).await?;
        let answer = output::spool(frame, format, out).await?;
        output::publish(answer, out)
    }

    /// The answer of `sql`, to be gone on with.
    pub async fn frame(&self, sql: &str) -> Result<DataFrame, Error> {
        // The lake is read here, never changed.
        let reading = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let planned = self.context.sql_with_options(sql, reading).await;
        planned.map_err(question)
    }
}

/// Planning fails for what the question says; the rest is the lake's fault.
fn question(cause: DataFusionError) -> Error {
    let message = match cause.find_root() {
        DataFusionError::SchemaError(schema, _) => match &**schema {
            SchemaError::FieldNotFound { field, .. } => {
                format!("no column `{}`", field.flat_name())
            }
            other => other.to_string(),
        },
        DataFusionError::Plan(text) => missing_table(text).unwrap_or_else(|| text.clone()),
        DataFusionError::SQL(error, _) => format!("this is no SQL: {error}"),
        _ => return cause.into(),
    };
    let described = Table::ALL.map(Table::described);
    Error::Question {
        message,
        tables: format!("tables and columns: {}", described.join(", ")),
    }
}

/// `table 'datafusion.public.x' not found`, without what nobody wrote.
fn missing_table(text: &str) -> Option<String> {
    let name = text.strip_prefix("table '")?.strip_suffix("' not found")?;
    let name = name.rsplit('.').next()?;
    Some(format!("no table `{name}`"))
}
