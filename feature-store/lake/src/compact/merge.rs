//! Several files into one.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::async_reader::ParquetObjectReader;
use datafusion::parquet::arrow::async_writer::ParquetObjectWriter;
use datafusion::parquet::arrow::{AsyncArrowWriter, ParquetRecordBatchStreamBuilder};
use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;

use crate::error::Error;
use crate::files::LakeFile;
use crate::name::{FileName, OffsetRange};
use crate::rows::properties;
use crate::store::Store;
use crate::table::PARTITION_COLUMNS;

/// The offsets from the first of the first file to the last of the last.
pub(super) fn covered(files: &[LakeFile]) -> OffsetRange {
    let ranges = || files.iter().map(|file| file.name.range);
    OffsetRange {
        first: ranges().map(|range| range.first).min().unwrap_or_default(),
        last: ranges().map(|range| range.last).max().unwrap_or_default(),
    }
}

/// Puts the merged file of two or more files under its passing name. Memory: one row group.
pub(super) async fn stage(store: &Store, files: &[LakeFile]) -> Result<LakeFile, Error> {
    let name = FileName {
        range: covered(files),
        merging: true,
        ..files[0].name.clone()
    };
    let path = name.path();
    let schema = name.folder.table.file_schema();
    let to = ParquetObjectWriter::new(store.objects(), path.clone());
    let mut writer = AsyncArrowWriter::try_new(to, Arc::clone(&schema), Some(properties()))?;
    let mut expected = 0;
    for file in files {
        let reader = ParquetObjectReader::new(store.objects(), file.meta.location.clone())
            .with_file_size(file.meta.size);
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
        expected += builder.metadata().file_metadata().num_rows();
        check_columns(file, builder.schema(), &schema)?;
        let mut batches = builder.build()?;
        while let Some(batch) = batches.try_next().await? {
            writer.write(&fit(&batch, &schema)?).await?;
        }
    }
    writer.close().await?;
    store.flush(&path).await?;
    let meta = store.objects().head(&path).await;
    let meta = meta.map_err(store.failed("reading a merged file"))?;
    let found = rows_of(store, &meta).await?;
    if found != expected {
        return Err(Error::Merged {
            path: path.to_string(),
            found: found.unsigned_abs(),
            expected: expected.unsigned_abs(),
        });
    }
    Ok(LakeFile { name, meta })
}

/// Read back, not remembered: what is deleted next is gone.
async fn rows_of(store: &Store, meta: &object_store::ObjectMeta) -> Result<i64, Error> {
    let reader =
        ParquetObjectReader::new(store.objects(), meta.location.clone()).with_file_size(meta.size);
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    Ok(builder.metadata().file_metadata().num_rows())
}

/// Gives a merged file its proper name.
pub(super) async fn put_in_place(store: &Store, file: &mut LakeFile) -> Result<(), Error> {
    file.name.merging = false;
    let to = file.name.path();
    store.rename(&file.meta.location, &to).await?;
    file.meta.location = to;
    Ok(())
}

fn check_columns(file: &LakeFile, has: &SchemaRef, known: &SchemaRef) -> Result<(), Error> {
    let stranger = has.fields().iter().find(|field| {
        known.field_with_name(field.name()).is_err()
            && !PARTITION_COLUMNS.contains(&field.name().as_str())
    });
    match stranger {
        None => Ok(()),
        Some(field) => Err(Error::UnknownColumn {
            path: file.meta.location.to_string(),
            column: field.name().clone(),
        }),
    }
}

/// The columns of today's table; one that an older file lacks is null.
fn fit(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = schema.fields().iter().map(|field| {
        let there = batch.column_by_name(field.name()).map(Arc::clone);
        there.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    });
    let columns: Vec<ArrayRef> = columns.collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
