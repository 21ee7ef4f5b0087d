//! Several files into one.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::AsyncArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::metadata::ParquetMetaDataReader;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};

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

/// Puts the merged file of two or more files under its passing name. Memory: one of these, which are
/// small, and one row group.
pub(super) async fn stage(store: &Store, files: &[LakeFile]) -> Result<LakeFile, Error> {
    let name = FileName {
        range: covered(files),
        merging: true,
        ..files[0].name.clone()
    };
    let path = name.path();
    let schema = name.folder.table.file_schema();
    let to = BufWriter::new(store.objects(), path.clone());
    let mut writer = AsyncArrowWriter::try_new(to, Arc::clone(&schema), Some(properties()))?;
    let mut expected = 0;
    for file in files {
        let bytes = store.read(&file.meta.location).await?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        expected += reader.metadata().file_metadata().num_rows();
        check_columns(file, reader.schema(), &schema)?;
        for batch in reader.build()? {
            writer.write(&fit(&batch?, &schema)?).await?;
        }
    }
    writer.close().await?;
    store.flush(&path).await?;
    let found = rows_of(store, &path).await?;
    if found != expected {
        return Err(Error::Merged {
            path: path.to_string(),
            found: found.unsigned_abs(),
            expected: expected.unsigned_abs(),
        });
    }
    let meta = store.objects().head(&path).await;
    let meta = meta.map_err(store.failed("reading a merged file"))?;
    // A store below a prefix answers with the whole path (`PrefixStore` of object_store 0.13).
    let meta = ObjectMeta {
        location: path,
        ..meta
    };
    Ok(LakeFile { name, meta })
}

/// Length and mark at the end of a Parquet file.
const TAIL: u64 = 8;

/// Read back, not remembered: what is deleted next is gone.
async fn rows_of(store: &Store, path: &Path) -> Result<i64, Error> {
    let tail = store.read_end(path, TAIL).await?;
    let length = tail
        .first_chunk()
        .map_or(0, |length| u32::from_le_bytes(*length));
    let end = store.read_end(path, u64::from(length) + TAIL).await?;
    let footer = end.get(..length as usize).unwrap_or_default();
    let metadata = ParquetMetaDataReader::decode_metadata(footer)?;
    Ok(metadata.file_metadata().num_rows())
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
