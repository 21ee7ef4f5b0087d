//! Apache Parquet, row by row. Columns that are not read are not decoded.

mod values;

use std::fs::File;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use parquet::basic::{ConvertedType, Repetition};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Row;
use parquet::record::reader::RowIter;
use parquet::schema::types::{Type, TypePtr};

use self::values::Values;
use super::row::{NumberedRow, Opened, RowReader, Setting};
use crate::cell::Cell;
use crate::columns::{Columns, REJECT};
use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::rejects::{RejectsForm, csv_record};
use crate::values::ValueRules;

struct ParquetReader {
    rows: RowIter<'static>,
    /// The columns that are read, as the file has them.
    kept: Vec<TypePtr>,
    /// The columns that are read, unless a map makes them differ from row to row.
    flat: Option<Vec<String>>,
    values: Values,
    columns: Columns,
    rules: Rc<ValueRules>,
    done: u64,
    length: u64,
}

/// The delimiter of the rejects file.
const DELIMITER: u8 = b',';

/// Opens a Parquet file.
pub(super) fn open(path: &Path, mut setting: Setting<'_>) -> anyhow::Result<Opened> {
    let file = File::open(path).context("cannot open it")?;
    let reader =
        SerializedFileReader::new(file).context("it is no Parquet file that can be read")?;
    let about = reader.metadata().file_metadata();
    let length = about.num_rows().max(0) as u64;
    let root = about.schema_descr().root_schema_ptr();
    let mut names = Vec::new();
    let fields = root.get_fields().iter();
    let flat: Vec<bool> = fields.map(|field| leaves(field, "", &mut names)).collect();
    // The names within a map are in its rows.
    let needed = if flat.contains(&false) {
        &[]
    } else {
        setting.needed
    };
    setting.columns.of_header(&names, needed)?;
    let kept: Vec<TypePtr> = root
        .get_fields()
        .iter()
        .filter(|field| is_wanted(field, &setting.columns))
        .cloned()
        .collect();
    let mut notes = Vec::new();
    for field in &kept {
        check(field)?;
        if values::is_naive(field) && setting.rules.zone.is_none() {
            notes.push(format!(
                "{} has times without a zone, read as UTC (--time-zone says otherwise)",
                field.name()
            ));
        }
    }
    let projection = Type::group_type_builder(root.name()).with_fields(kept.clone());
    let rows = RowIter::from_file_into(Box::new(reader)).project(Some(projection.build()?))?;
    let reader = ParquetReader {
        rows,
        flat: header(&kept),
        kept,
        values: Values {
            naive_is_utc: setting.rules.zone.is_none(),
            missing: setting.options.missing.clone(),
        },
        columns: setting.columns,
        rules: setting.rules,
        done: 0,
        length,
    };
    Ok(Opened {
        reader: Box::new(reader),
        notes,
    })
}

fn is_list(field: &Type) -> bool {
    let info = field.get_basic_info();
    let is_repeated = info.has_repetition() && info.repetition() == Repetition::REPEATED;
    is_repeated || info.converted_type() == ConvertedType::LIST
}

fn is_map(field: &Type) -> bool {
    let kind = field.get_basic_info().converted_type();
    matches!(kind, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE)
}

/// Adds the names of the columns within a field, with dots between their parts. A list is one
/// column. Returns false if there is a map: its names are in the rows.
fn leaves(field: &Type, prefix: &str, names: &mut Vec<String>) -> bool {
    let name = format!("{prefix}{}", field.name());
    if is_map(field) {
        return false;
    }
    if field.is_primitive() || is_list(field) {
        names.push(name);
        return true;
    }
    let inner = field.get_fields().iter();
    let flat: Vec<bool> = inner
        .map(|inner| leaves(inner, &format!("{name}."), names))
        .collect();
    !flat.contains(&false)
}

fn is_wanted(field: &Type, columns: &Columns) -> bool {
    let name = field.name();
    columns.is_known(name) || name == REJECT[0] || columns.may_begin(&format!("{name}."))
}

/// Refuses types that have no meaning as a value of an import.
fn check(field: &Type) -> anyhow::Result<()> {
    if field.is_primitive() {
        if field.get_basic_info().converted_type() == ConvertedType::INTERVAL {
            bail!(
                "the column {} is an interval, which no field is",
                field.name()
            );
        }
        return Ok(());
    }
    field.get_fields().iter().try_for_each(|inner| check(inner))
}

/// The values of a row by their names in the file.
type Named = Vec<(String, Cell)>;

impl ParquetReader {
    /// Returns the values of a row, or the cause why one cannot be read.
    fn named(&self, row: Row) -> Result<Named, Refusal> {
        let mut named = Vec::new();
        for ((name, field), kind) in row.into_columns().into_iter().zip(&self.kept) {
            let cell = self.values.cell(&name, kind, field)?;
            flatten(name, cell, &mut named);
        }
        Ok(named)
    }

    fn fields(&mut self, named: Named) -> Result<Fields, Refusal> {
        let mut fields = Fields::new(self.rules.clone());
        for (name, cell) in named {
            if let Some(column) = self.columns.find(&name) {
                fields.add(&column, cell)?;
            }
        }
        Ok(fields)
    }

    fn original(&self, named: &Named) -> Vec<u8> {
        let Some(header) = &self.flat else {
            let text = |cell: &Cell| serde_json::Value::from(cell.to_string());
            let object = named.iter().map(|(name, cell)| (name.clone(), text(cell)));
            let object: serde_json::Map<_, _> = object.collect();
            return serde_json::Value::from(object).to_string().into_bytes();
        };
        let value = |name: &String| {
            let found = named.iter().find(|(other, _)| other == name);
            found.map(|(_, cell)| cell.to_string()).unwrap_or_default()
        };
        csv_record(DELIMITER, header.iter().map(value))
    }
}

/// Returns the names of the columns, or `None` if a map makes them differ from row to row.
fn header(kept: &[TypePtr]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let is_flat = kept.iter().all(|field| leaves(field, "", &mut names));
    is_flat.then_some(names)
}

fn flatten(name: String, cell: Option<Cell>, into: &mut Named) {
    match cell {
        None => {}
        Some(Cell::Record(inner)) => {
            for (own, cell) in inner {
                flatten(format!("{name}.{own}"), Some(cell), into);
            }
        }
        Some(cell) => into.push((name, cell)),
    }
}

impl RowReader for ParquetReader {
    fn next(&mut self) -> anyhow::Result<Option<NumberedRow>> {
        let Some(row) = self.rows.next() else {
            return Ok(None);
        };
        self.done += 1;
        let row = row.with_context(|| format!("cannot read row {}", self.done))?;
        let (original, fields) = match self.named(row) {
            Ok(named) => (self.original(&named), self.fields(named)),
            Err(refusal) => (self.original(&Vec::new()), Err(refusal)),
        };
        Ok(Some(NumberedRow {
            number: self.done,
            original,
            fields,
        }))
    }

    fn progress(&self) -> (u64, u64) {
        (self.done, self.length)
    }

    fn rejects_form(&self) -> RejectsForm {
        match &self.flat {
            None => RejectsForm::Json,
            Some(header) => RejectsForm::Csv {
                delimiter: DELIMITER,
                header: header.clone(),
                has_mark: false,
            },
        }
    }

    fn ignored(&self) -> Vec<String> {
        self.columns.ignored().cloned().collect()
    }
}
