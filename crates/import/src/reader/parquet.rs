//! Apache Parquet, row by row.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

use super::{NumberedRow, RowReader};
use crate::fields::Fields;

const DAY_MS: i64 = 86_400_000;

pub(super) struct ParquetReader {
    path: PathBuf,
    left: RowIter<'static>,
    columns: Vec<String>,
    done: u64,
    length: u64,
}

impl ParquetReader {
    pub(super) fn new(path: &Path, file: File) -> anyhow::Result<Self> {
        let reader = SerializedFileReader::new(file)
            .with_context(|| format!("{} is no Parquet file that can be read", path.display()))?;
        let about = reader.metadata().file_metadata();
        let schema = about.schema_descr();
        let columns = schema
            .columns()
            .iter()
            .map(|column| column_name(column.path().parts()));
        Ok(Self {
            path: path.to_path_buf(),
            columns: columns.collect(),
            length: about.num_rows().max(0) as u64,
            done: 0,
            left: reader.into_iter(),
        })
    }
}

/// Returns the name of a column, with dots between its parts; the parts that Parquet adds within a
/// list are left out.
fn column_name(parts: &[String]) -> String {
    let inner = ["list", "element", "item", "array", "bag", "array_element"];
    let own = parts
        .iter()
        .enumerate()
        .filter(|(place, part)| *place == 0 || !inner.contains(&part.as_str()));
    own.map(|(_, part)| part.as_str())
        .collect::<Vec<_>>()
        .join(".")
}

impl RowReader for ParquetReader {
    fn columns(&self) -> Option<Vec<String>> {
        Some(self.columns.clone())
    }

    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        let Some(row) = self.left.next() else {
            return Ok(None);
        };
        self.done += 1;
        let cannot = || format!("cannot read {}, row {}", self.path.display(), self.done);
        let row = row.with_context(cannot)?;
        Ok(Some(NumberedRow {
            number: self.done,
            fields: object(row).map(Fields::from_json),
        }))
    }

    fn progress(&self) -> (u64, u64) {
        (self.done, self.length)
    }
}

fn object(row: Row) -> Result<Map<String, Value>, String> {
    let mut object = Map::new();
    for (column, field) in row.into_columns() {
        let value = value(&column, field)?;
        object.insert(column, value);
    }
    Ok(object)
}

/// Converts a field to JSON; dates and times become Unix milliseconds.
fn value(column: &str, field: Field) -> Result<Value, String> {
    let float = |number: f64| {
        let number = serde_json::Number::from_f64(number);
        number
            .map(Value::Number)
            .ok_or_else(|| format!("{column} is not allowed: a finite number"))
    };
    match field {
        Field::Date(days) => Ok(Value::from(i64::from(days) * DAY_MS)),
        Field::TimestampMillis(ms) => Ok(Value::from(ms)),
        Field::TimestampMicros(us) => Ok(Value::from(us.div_euclid(1_000))),
        Field::Float(number) => float(number.into()),
        Field::Double(number) => float(number),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => Ok(Value::from(text)),
            Err(_) => Err(format!("{column} is not UTF-8")),
        },
        Field::Group(row) => object(row).map(Value::Object),
        Field::ListInternal(list) => {
            let items = list.elements().iter();
            let items = items.map(|item| value(column, item.clone()));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        Field::MapInternal(map) => {
            let entries = map.entries().iter();
            let entry = |(key, own): &(Field, Field)| {
                let key = crate::fields::as_text(&value(column, key.clone())?);
                Ok((key, value(column, own.clone())?))
            };
            entries
                .map(entry)
                .collect::<Result<_, _>>()
                .map(Value::Object)
        }
        Field::Null => Ok(Value::Null),
        Field::Bool(flag) => Ok(Value::from(flag)),
        Field::Byte(number) => Ok(Value::from(number)),
        Field::Short(number) => Ok(Value::from(number)),
        Field::Int(number) => Ok(Value::from(number)),
        Field::Long(number) => Ok(Value::from(number)),
        Field::UByte(number) => Ok(Value::from(number)),
        Field::UShort(number) => Ok(Value::from(number)),
        Field::UInt(number) => Ok(Value::from(number)),
        Field::ULong(number) => Ok(Value::from(number)),
        Field::Str(text) => Ok(Value::from(text)),
        // Decimals, times of day and half floats as text.
        other => Ok(Value::from(other.to_string().trim_matches('"'))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Writes customers with a text, a date and a nullable number.
    fn write(path: &Path) {
        use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
        use parquet::file::properties::WriterProperties;
        use parquet::file::writer::SerializedFileWriter;
        let schema = "message customers {
            required binary customer_id (UTF8);
            required int32 birth_date_ms (DATE);
            optional double bureau_score;
        }";
        let schema =
            Arc::new(parquet::schema::parser::parse_message_type(schema).expect("a schema"));
        let file = std::fs::File::create(path).expect("made");
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer = SerializedFileWriter::new(file, schema, properties).expect("a writer");
        let mut rows = writer.next_row_group().expect("a group");
        let mut column = rows.next_column().expect("columns").expect("ids");
        let ids = [ByteArray::from("c1"), ByteArray::from("c2")];
        column
            .typed::<ByteArrayType>()
            .write_batch(&ids, None, None)
            .expect("written");
        column.close().expect("closed");
        let mut column = rows.next_column().expect("columns").expect("dates");
        let days = [3_653, 0];
        column
            .typed::<Int32Type>()
            .write_batch(&days, None, None)
            .expect("written");
        column.close().expect("closed");
        let mut column = rows.next_column().expect("columns").expect("scores");
        let scores = [711.0];
        column
            .typed::<DoubleType>()
            .write_batch(&scores, Some(&[1, 0]), None)
            .expect("written");
        column.close().expect("closed");
        rows.close().expect("closed");
        writer.close().expect("closed");
    }

    #[test]
    fn a_date_is_an_instant_and_a_null_is_absent() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("customers.parquet");
        write(&path);
        let file = File::open(&path).expect("opened");
        let mut rows = ParquetReader::new(&path, file).expect("a Parquet file");
        let columns = ["customer_id", "birth_date_ms", "bureau_score"];
        assert_eq!(rows.columns().expect("columns"), columns);
        let mut fields = || {
            rows.next()
                .expect("read")
                .expect("a row")
                .fields
                .expect("fields")
        };
        let first = fields();
        assert_eq!(first.text("customer_id").as_deref(), Some("c1"));
        assert_eq!(first.instant("birth_date_ms"), Ok(Some(315_619_200_000)));
        assert_eq!(first.value("bureau_score"), Some(&Value::from(711.0)));
        let second = fields();
        assert_eq!(second.instant("birth_date_ms"), Ok(Some(0)));
        assert_eq!(second.value("bureau_score"), None);
        assert_eq!(rows.progress(), (2, 2));
    }
}
