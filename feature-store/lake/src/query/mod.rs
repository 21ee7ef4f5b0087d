//! SQL queries over the files. Each row counts once, even during a compaction.

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
use crate::rows::file_schema;
use crate::store::Store;
use crate::table::{PARTITION_COLUMNS, Table};

/// The most attempts of a query. Files may be merged between planning and reading; the query is
/// then repeated.
const MAX_ATTEMPTS: usize = 6;
/// The first pause between attempts, which doubles: files are replaced within seconds.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The share of the allowed memory at which a query begins to spill.
const MEMORY_SHARE: f64 = 1.0;

/// A query engine over one lake.
pub struct Query {
    context: SessionContext,
    store: Store,
    scanned: Scanned,
}

impl Query {
    /// Returns a query engine over the lake in `store`.
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

    /// Runs `sql` and writes the result in a format to standard output, or to a file, which is
    /// created atomically.
    pub async fn answer(&self, sql: &str, format: Format, out: Option<&Path>) -> Result<(), Error> {
        let (mut attempt, mut pause) = (1, FIRST_PAUSE);
        loop {
            self.scanned.clear();
            match self.attempt(sql, format, out).await {
                // A missing file causes many kinds of errors, so the listing is checked instead.
                Err(_) if attempt < MAX_ATTEMPTS && self.scanned.vanished(&self.store).await? => {
                    attempt += 1;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, sql: &str, format: Format, out: Option<&Path>) -> Result<(), Error> {
        let frame = self.frame(sql).await?;
        let result = output::spool(frame, format, out).await?;
        output::publish(result, out)
    }

    /// Plans `sql` and returns it as a data frame.
    pub async fn frame(&self, sql: &str) -> Result<DataFrame, Error> {
        // Queries only read the lake.
        let read_only = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let planned = self.context.sql_with_options(sql, read_only).await;
        planned.map_err(planning_error)
    }
}

/// Returns [`Error::InvalidQuery`] for an error in the query's text, and [`Error::Query`] otherwise.
fn planning_error(cause: DataFusionError) -> Error {
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
    let described = Table::ALL.map(described);
    Error::InvalidQuery {
        message,
        tables: format!("tables and columns: {}", described.join(", ")),
    }
}

/// Returns a table's name and all its columns.
fn described(table: Table) -> String {
    let schema = file_schema(table);
    let columns = schema.fields().iter().map(|field| field.name().as_str());
    let columns: Vec<_> = columns.chain(PARTITION_COLUMNS).collect();
    format!("{}({})", table.name(), columns.join(", "))
}

/// Returns a message for `table 'datafusion.public.x' not found` that names only `x`, or `None` for
/// another error.
fn missing_table(text: &str) -> Option<String> {
    let name = text.strip_prefix("table '")?.strip_suffix("' not found")?;
    let name = name.rsplit('.').next()?;
    Some(format!("no table `{name}`"))
}
