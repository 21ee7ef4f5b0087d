//! From records to files: pure, and the same for the same records whenever it is done.

mod decision;
mod event;

use std::collections::BTreeMap;

use bytes::Bytes;
use datafusion::arrow::array::{
    Array, ArrayRef, ListArray, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::error::Error;
use crate::name::Folder;

/// Rows per row group: what a reader decodes at a time.
const ROW_GROUP_ROWS: usize = 131_072;

/// A record as it waits: its place, when it was appended, what it holds.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) offset: i64,
    pub(crate) appended_ms: i64,
    pub(crate) payload: Bytes,
}

/// What a topic holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Events,
    Decisions,
}

/// The rows of one folder, as a file.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) folder: Folder,
    pub(crate) bytes: Bytes,
    pub(crate) rows: usize,
}

/// Makes the files of some records of one partition, and counts what cannot be read.
pub(crate) fn encode(
    content: Content,
    partition: i32,
    records: &[Raw],
) -> Result<(Vec<Encoded>, u64), Error> {
    let mut unreadable = 0;
    let mut batches: BTreeMap<Folder, RecordBatch> = BTreeMap::new();
    match content {
        Content::Events => {
            let folders = by_folder(records, event::read, &mut unreadable);
            for (folder, rows) in folders {
                batches.insert(folder, event::columns(partition, &rows)?);
            }
        }
        Content::Decisions => {
            let folders = by_folder(records, decision::read, &mut unreadable);
            for (folder, rows) in folders {
                let items = decision::items(partition, &rows)?;
                if items.num_rows() > 0 {
                    batches.insert(decision::items_folder(&folder), items);
                }
                batches.insert(folder, decision::columns(partition, &rows)?);
            }
        }
    }
    let files = batches.into_iter().map(|(folder, batch)| {
        let rows = batch.num_rows();
        let bytes = parquet(&batch)?;
        Ok(Encoded {
            folder,
            bytes,
            rows,
        })
    });
    Ok((files.collect::<Result<_, Error>>()?, unreadable))
}

/// A decoded record with its place in the log.
pub(crate) struct Placed<M> {
    pub(crate) offset: i64,
    pub(crate) appended_ms: i64,
    pub(crate) message: M,
}

fn by_folder<M>(
    records: &[Raw],
    read: impl Fn(&Bytes) -> Option<(Folder, M)>,
    unreadable: &mut u64,
) -> BTreeMap<Folder, Vec<Placed<M>>> {
    let mut folders: BTreeMap<Folder, Vec<Placed<M>>> = BTreeMap::new();
    for Raw {
        offset,
        appended_ms,
        payload,
    } in records
    {
        match read(payload) {
            Some((folder, message)) => folders.entry(folder).or_default().push(Placed {
                offset: *offset,
                appended_ms: *appended_ms,
                message,
            }),
            None => *unreadable += 1,
        }
    }
    folders
}

pub(crate) fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(concat!("fairlead-lake ", env!("CARGO_PKG_VERSION")).to_owned())
        .build()
}

fn parquet(batch: &RecordBatch) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties()))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(bytes.into())
}

/// A text column; where the message says nothing, so does the column.
fn optional<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    std::sync::Arc::new(
        values
            .map(|value| (!value.is_empty()).then_some(value))
            .collect::<StringArray>(),
    )
}

fn instants(values: impl Iterator<Item = i64>) -> ArrayRef {
    std::sync::Arc::new(TimestampMillisecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn lists<'a>(rows: impl Iterator<Item = &'a [String]>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in rows {
        for value in row {
            builder.values().append_value(value);
        }
        builder.append(true);
    }
    let lists: ListArray = builder.finish();
    debug_assert_eq!(lists.null_count(), 0, "every row has a list");
    std::sync::Arc::new(lists)
}

/// A number as JSON has it; what JSON cannot say is nothing.
fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Canonical proto3 JSON of messages; `null` where a newer writer used an enum value that this
/// version has no name for.
fn json_of(messages: &impl serde::Serialize) -> String {
    serde_json::to_string(messages).unwrap_or_else(|_| "null".into())
}

/// `EVENT_KIND_CLICK` of the contract is `click` in the lake.
fn plain(contract_name: &str, prefix: &str) -> String {
    contract_name
        .strip_prefix(prefix)
        .unwrap_or(contract_name)
        .to_ascii_lowercase()
}
