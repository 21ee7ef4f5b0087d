//! The conversion of records to Parquet files. It is pure: the same records always make the same
//! files.

mod column;
mod decision;
mod event;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Int32Type, Int64Type, SchemaRef};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use fairlead_event_log::Position;
use serde_json::Value;

use self::column::Column;
use crate::error::Error;
use crate::name::Folder;
use crate::table::Table;

/// The rows of a row group, which a reader decodes at a time.
const ROW_GROUP_ROWS: usize = 131_072;

/// A record that waits to be written.
#[derive(Debug, Clone)]
pub(crate) struct RawRecord {
    pub(crate) offset: i64,
    pub(crate) appended_ms: i64,
    pub(crate) payload: Bytes,
}

/// The kind of records in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Events,
    Decisions,
}

/// The rows of one folder, encoded as a file.
#[derive(Debug)]
pub(crate) struct EncodedFile {
    pub(crate) folder: Folder,
    pub(crate) bytes: Bytes,
    pub(crate) rows: usize,
}

/// Encodes records of one partition as files. Returns them and the number of unreadable records.
pub(crate) fn encode(
    kind: RecordKind,
    partition: i32,
    records: &[RawRecord],
) -> Result<(Vec<EncodedFile>, u64), Error> {
    let mut unreadable = 0;
    let mut batches: BTreeMap<Folder, RecordBatch> = BTreeMap::new();
    match kind {
        RecordKind::Events => {
            let folders = by_folder(partition, records, event::decode, &mut unreadable);
            for (folder, rows) in folders {
                batches.insert(folder, column::batch(&event::columns(), &rows)?);
            }
        }
        RecordKind::Decisions => {
            let folders = by_folder(partition, records, decision::decode, &mut unreadable);
            for (folder, rows) in folders {
                let items = decision::items(&rows);
                if !items.is_empty() {
                    let batch = column::batch(&decision::item_columns(), &items)?;
                    batches.insert(decision::items_folder(&folder), batch);
                }
                batches.insert(folder, column::batch(&decision::columns(), &rows)?);
            }
        }
    }
    let files = batches.into_iter().map(|(folder, batch)| {
        let rows = batch.num_rows();
        let bytes = parquet(&batch)?;
        Ok(EncodedFile {
            folder,
            bytes,
            rows,
        })
    });
    Ok((files.collect::<Result<_, Error>>()?, unreadable))
}

/// Returns the columns of a table's files, in order.
pub fn file_schema(table: Table) -> SchemaRef {
    static EVENTS: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(column::schema(&event::columns())));
    static DECISIONS: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(column::schema(&decision::columns())));
    static DECISION_ITEMS: LazyLock<SchemaRef> =
        LazyLock::new(|| Arc::new(column::schema(&decision::item_columns())));
    Arc::clone(match table {
        Table::Events => &EVENTS,
        Table::Decisions => &DECISIONS,
        Table::DecisionItems => &DECISION_ITEMS,
    })
}

/// The position of a record in the log and the time of its append.
#[derive(Debug, Clone, Copy)]
struct Appended {
    position: Position,
    at_ms: i64,
}

/// A decoded record of the log.
struct LogRow<M> {
    appended: Appended,
    message: M,
}

/// Returns the columns that identify a row's record: unique over the rows of a topic.
fn log_columns<'r, R: 'r>(appended: fn(&R) -> Appended) -> [Column<'r, R>; 3] {
    [
        Column::instant("appended_at", move |row| appended(row).at_ms),
        Column::number::<Int32Type>("log_partition", move |row| appended(row).position.partition),
        Column::number::<Int64Type>("log_offset", move |row| appended(row).position.offset),
    ]
}

fn by_folder<M>(
    partition: i32,
    records: &[RawRecord],
    decode: impl Fn(&Bytes) -> Option<(Folder, M)>,
    unreadable: &mut u64,
) -> BTreeMap<Folder, Vec<LogRow<M>>> {
    let mut folders: BTreeMap<Folder, Vec<LogRow<M>>> = BTreeMap::new();
    for record in records {
        let Some((folder, message)) = decode(&record.payload) else {
            *unreadable += 1;
            continue;
        };
        let position = Position {
            partition,
            offset: record.offset,
        };
        folders.entry(folder).or_default().push(LogRow {
            appended: Appended {
                position,
                at_ms: record.appended_ms,
            },
            message,
        });
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

/// Returns the text, or `None` if it is empty.
fn non_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Returns a JSON number, or `null` for a value that JSON cannot express.
fn json_number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Returns the canonical proto3 JSON of messages, or `null` if a newer writer used an enum value
/// that this version does not know.
fn json(messages: &impl serde::Serialize) -> String {
    serde_json::to_string(messages).unwrap_or_else(|_| "null".into())
}

/// Returns the lake's name of an enum value: `click` for the contract's `EVENT_KIND_CLICK`.
fn short_name(contract_name: &str, prefix: &str) -> String {
    contract_name
        .strip_prefix(prefix)
        .unwrap_or(contract_name)
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the columns' names in order; `?` follows a nullable one.
    fn described(table: Table) -> String {
        let schema = file_schema(table);
        let columns = schema.fields().iter().map(|field| {
            let nullable = if field.is_nullable() { "?" } else { "" };
            format!("{}{nullable}", field.name())
        });
        columns.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_columns_of_the_files_are_fixed() {
        assert_eq!(
            described(Table::Events),
            "event_id customer_id event_time product_id? product_kind? request_id? position? \
             amount_minor? currency? channel? attributes? appended_at log_partition log_offset"
        );
        assert_eq!(
            described(Table::Decisions),
            "request_id customer_id decided_at release_revision personalised channel? campaign? \
             client_reference? candidates slate model_versions quote_id? seed took_ms stage_ms segments exposures \
             degraded drops features quote? refusal? acceptance? appended_at log_partition log_offset"
        );
        assert_eq!(
            described(Table::DecisionItems),
            "request_id customer_id decided_at release_revision product_id position? drop_cause? \
             p_click p_convert p_convert_at_price expected_value propensity product_kind? \
             amount_minor? currency? tenor_months? rate_ppm? all_in_ppm? instalment_minor? grade? \
             pd? strategy? expected_margin_minor? refusal_cause? sources priced? appended_at \
             log_partition log_offset"
        );
    }
}
