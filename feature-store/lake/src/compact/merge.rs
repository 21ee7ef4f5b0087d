//! Merging several files into one.

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
use crate::rows::{file_schema, properties};
use crate::store::Store;
use crate::table::PARTITION_COLUMNS;

/// Returns the range from the lowest to the highest offset of the files.
pub(super) fn covered(files: &[LakeFile]) -> OffsetRange {
    let ranges = || files.iter().map(|file| file.name.range);
    OffsetRange {
        first: ranges().map(|range| range.first).min().unwrap_or_default(),
        last: ranges().map(|range| range.last).max().unwrap_or_default(),
    }
}

/// Writes the merged file of two or more files under its temporary name. It holds one input, which
/// is small, and one row group in memory.
pub(super) async fn stage(store: &Store, files: &[LakeFile]) -> Result<LakeFile, Error> {
    let name = FileName {
        range: covered(files),
        merging: true,
        ..files[0].name.clone()
    };
    let path = name.path();
    let schema = file_schema(name.folder.table);
    let to = BufWriter::new(store.objects(), path.clone());
    let mut writer = AsyncArrowWriter::try_new(to, Arc::clone(&schema), Some(properties()))?;
    let mut expected = 0;
    for file in files {
        let bytes = store.read(&file.meta.location).await?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
        expected += reader.metadata().file_metadata().num_rows();
        check_columns(file, reader.schema(), &schema)?;
        for batch in reader.build()? {
            writer.write(&with_schema(&batch?, &schema)?).await?;
        }
    }
    writer.close().await?;
    store.flush(&path).await?;
    let found = row_count(store, &path).await?;
    if found != expected {
        return Err(Error::Merged {
            path: path.to_string(),
            found: found.unsigned_abs(),
            expected: expected.unsigned_abs(),
        });
    }
    let meta = store.objects().head(&path).await;
    let meta = meta.map_err(store.failed("reading a merged file"))?;
    // A store with a prefix returns the path with the prefix (`PrefixStore` of object_store 0.13).
    let meta = ObjectMeta {
        location: path,
        ..meta
    };
    Ok(LakeFile { name, meta })
}

/// The bytes at the end of a Parquet file: the footer's length and the magic number.
const TAIL_BYTES: u64 = 8;

/// Returns the number of rows in a file, read from the file itself, because its inputs are deleted
/// next.
async fn row_count(store: &Store, path: &Path) -> Result<i64, Error> {
    let tail = store.read_end(path, TAIL_BYTES).await?;
    let length = tail
        .first_chunk()
        .map_or(0, |length| u32::from_le_bytes(*length));
    let end = store.read_end(path, u64::from(length) + TAIL_BYTES).await?;
    let footer = end.get(..length as usize).unwrap_or_default();
    let metadata = ParquetMetaDataReader::decode_metadata(footer)?;
    Ok(metadata.file_metadata().num_rows())
}

/// Renames a merged file to its final name.
pub(super) async fn rename_to_final(store: &Store, file: &mut LakeFile) -> Result<(), Error> {
    file.name.merging = false;
    let to = file.name.path();
    store.rename(&file.meta.location, &to).await?;
    file.meta.location = to;
    Ok(())
}

fn check_columns(file: &LakeFile, schema: &SchemaRef, known: &SchemaRef) -> Result<(), Error> {
    let unknown = schema.fields().iter().find(|field| {
        known.field_with_name(field.name()).is_err()
            && !PARTITION_COLUMNS.contains(&field.name().as_str())
    });
    match unknown {
        None => Ok(()),
        Some(field) => Err(Error::UnknownColumn {
            path: file.meta.location.to_string(),
            column: field.name().clone(),
        }),
    }
}

/// Returns the batch with the columns of `schema`. A column that an older file lacks is null.
fn with_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name()).map(Arc::clone);
        column.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    });
    let columns: Vec<ArrayRef> = columns.collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
