//! The lake's tables for `DataFusion`. A table's files are listed when it is scanned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, RecordBatch, StringArray,
};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::path::Path;
use parking_lot::Mutex;

use crate::error::Error;
use crate::files::{self, LakeFile};
use crate::name::Folder;
use crate::rows::file_schema;
use crate::store::Store;
use crate::table::{PARTITION_COLUMNS, Table};

/// Returns the URL of the lake's root within a session.
pub(super) fn root_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse("lake://lake").expect("a constant that is a URL")
}

/// The files over which a query was planned.
#[derive(Debug, Clone, Default)]
pub(super) struct Scanned(Arc<Mutex<BTreeMap<&'static str, BTreeSet<Path>>>>);

impl Scanned {
    /// Clears the list for the next attempt.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Returns true if one of the files no longer exists: it was merged or renamed.
    pub(super) async fn vanished(&self, store: &Store) -> Result<bool, Error> {
        let scanned = self.0.lock().clone();
        for (table, files) in scanned {
            let existing = store.list(table).await?;
            let existing: BTreeSet<Path> = existing.into_iter().map(|meta| meta.location).collect();
            if !files.is_subset(&existing) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A table of the lake.
#[derive(Debug)]
pub(super) struct FilesTable {
    store: Store,
    table: Table,
    columns: TableSchema,
    scanned: Scanned,
}

impl FilesTable {
    pub(super) fn new(store: Store, table: Table, scanned: Scanned) -> Self {
        let partitions = Table::partition_fields().map(Arc::new).to_vec();
        let columns = TableSchema::builder(file_schema(table))
            .with_table_partition_cols(partitions)
            .build();
        Self {
            store,
            table,
            columns,
            scanned,
        }
    }

    /// Returns the files whose folders may hold rows that pass the filters.
    async fn pruned(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<LakeFile>> {
        let files = files::current(&self.store, self.table).await;
        let files = files.map_err(|cause| DataFusionError::External(Box::new(cause)))?;
        let folders: BTreeMap<Folder, bool> = files
            .iter()
            .map(|file| (file.name.folder.clone(), true))
            .collect();
        let folders = prune(state, folders, filters)?;
        let wanted = |file: &LakeFile| folders.get(&file.name.folder).is_some_and(|wanted| *wanted);
        Ok(files.into_iter().filter(wanted).collect())
    }
}

/// Returns true if an expression uses only columns of the folders' names.
fn uses_only_partition_columns(expr: &Expr) -> bool {
    !expr.is_volatile()
        && expr
            .column_refs()
            .iter()
            .all(|column| PARTITION_COLUMNS.contains(&column.name.as_str()))
}

/// Evaluates the filters over one row per folder. Returns, for each folder, true if it may hold
/// matching rows.
fn prune(
    state: &dyn Session,
    mut folders: BTreeMap<Folder, bool>,
    filters: &[Expr],
) -> Result<BTreeMap<Folder, bool>> {
    let schema = Arc::new(Schema::new(Table::partition_fields().to_vec()));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            folders.keys().map(|folder| &folder.tenant),
        )),
        Arc::new(StringArray::from_iter_values(
            folders.keys().map(|folder| &folder.kind),
        )),
        Arc::new(Date32Array::from_iter_values(
            folders.keys().map(|folder| folder.day.number()),
        )),
    ];
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let schema = DFSchema::try_from(schema)?;
    let usable = filters
        .iter()
        .filter(|filter| uses_only_partition_columns(filter));
    for filter in usable {
        let filter = state.create_physical_expr(filter.clone(), &schema)?;
        let kept = filter.evaluate(&rows)?.into_array(rows.num_rows())?;
        let kept = kept.as_boolean();
        for (row, wanted) in folders.values_mut().enumerate() {
            *wanted &= kept.is_valid(row) && kept.value(row);
        }
    }
    Ok(folders)
}

fn partitioned(file: LakeFile) -> PartitionedFile {
    let Folder {
        tenant, kind, day, ..
    } = file.name.folder;
    PartitionedFile::new_from_meta(file.meta).with_partition_values(vec![
        ScalarValue::Utf8(Some(tenant)),
        ScalarValue::Utf8(Some(kind)),
        ScalarValue::Date32(Some(day.number())),
    ])
}

#[async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.columns.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // All filters are used, for folders here and for row groups by the reader, and all are
        // evaluated again over the rows.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.pruned(state, filters).await?;
        let paths = files.iter().map(|file| file.meta.location.clone());
        self.scanned
            .0
            .lock()
            .entry(self.table.name())
            .or_default()
            .extend(paths);
        if files.is_empty() {
            let columns = self.columns.table_schema();
            let shown = projection.map_or_else(
                || Ok(Arc::clone(columns)),
                |projection| columns.project(projection).map(Arc::new),
            );
            return Ok(Arc::new(EmptyExec::new(shown?)));
        }
        let files: FileGroup = files.into_iter().map(partitioned).collect();
        let groups = files.split_files(state.config().target_partitions());
        let source = Arc::new(ParquetSource::new(self.columns.clone()));
        let scan = FileScanConfigBuilder::new(root_url(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}
