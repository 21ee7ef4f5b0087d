//! Questions in SQL over the files, each row counted once whatever a compaction is doing.

mod output;
mod provider;

use std::path::Path;
use std::sync::Arc;

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};

pub use self::output::Format;
use self::provider::{FilesTable, root_url};
use crate::config::Config;
use crate::error::Error;
use crate::store::Store;
use crate::table::Table;

/// Files may be merged away between planning and reading: the question is then asked again.
const ATTEMPTS: usize = 5;
/// Spilling starts at this share of the memory allowed.
const MEMORY_SHARE: f64 = 1.0;

/// Answers questions over one lake.
#[derive(Clone)]
pub struct Query {
    context: SessionContext,
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
        for table in Table::ALL {
            let provider = FilesTable::new(store.clone(), table);
            context.register_table(table.name(), Arc::new(provider))?;
        }
        Ok(Self { context })
    }

    /// Answers `sql` in a format, to standard output or into a file, which appears whole.
    pub async fn answer(&self, sql: &str, format: Format, out: Option<&Path>) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let answered = self.attempt(sql, format, out).await;
            match answered {
                Err(error) if error.is_gone() && attempt < ATTEMPTS => attempt += 1,
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
