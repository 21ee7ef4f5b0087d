//! Results as a table, CSV, JSON lines or Parquet. A result is written completely before it is
//! published.

use std::io::{self, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::csv::WriterBuilder;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::DataFrame;
use futures::TryStreamExt as _;
use tempfile::NamedTempFile;

use crate::error::Error;
use crate::rows::properties;

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A text table for people.
    Table,
    /// CSV with a header line.
    Csv,
    /// One JSON object per line.
    Json,
    /// Parquet, as the lake's own files. It requires an output file.
    Parquet,
}

type Sink<'a> = BufWriter<&'a std::fs::File>;

/// A writer of rows in a streaming format.
enum RowWriter<'a> {
    Csv(Box<datafusion::arrow::csv::Writer<Sink<'a>>>),
    Json(LineDelimitedWriter<Sink<'a>>),
    Parquet(Box<ArrowWriter<Sink<'a>>>),
}

impl<'a> RowWriter<'a> {
    /// Returns the writer of a format, or `None` for [`Format::Table`], which does not stream.
    fn new(format: Format, schema: &SchemaRef, sink: Sink<'a>) -> Result<Option<Self>, Error> {
        Ok(match format {
            Format::Table => None,
            Format::Csv => Some(Self::Csv(Box::new(
                WriterBuilder::new().with_header(true).build(sink),
            ))),
            Format::Json => Some(Self::Json(LineDelimitedWriter::new(sink))),
            Format::Parquet => Some(Self::Parquet(Box::new(ArrowWriter::try_new(
                sink,
                Arc::clone(schema),
                Some(properties()),
            )?))),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        match self {
            Self::Csv(writer) => writer.write(&lists_as_text(batch)?)?,
            Self::Json(writer) => writer.write(batch)?,
            Self::Parquet(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    /// Writes the remaining bytes and returns the sink.
    fn finish(self) -> Result<Sink<'a>, Error> {
        Ok(match self {
            Self::Csv(writer) => writer.into_inner(),
            Self::Json(mut writer) => {
                writer.finish()?;
                writer.into_inner()
            }
            Self::Parquet(writer) => writer.into_inner()?,
        })
    }
}

/// Writes the result to a temporary file: in the folder of `out`, or in the system's temporary
/// folder. A result as a table is held in memory, too, to compute the columns' widths.
pub(super) async fn spool(
    frame: DataFrame,
    format: Format,
    out: Option<&Path>,
) -> Result<NamedTempFile, Error> {
    if format == Format::Parquet && out.is_none() {
        return Err(Error::InvalidQuery {
            message: "--format parquet is not for the screen".into(),
            tables: "give it a file with --out FILE".into(),
        });
    }
    let failed = output_failed(out);
    let spooled = match out {
        Some(out) => NamedTempFile::new_in(folder_of(out)),
        None => NamedTempFile::new(),
    };
    let file = spooled.map_err(&failed)?;
    let mut batches = frame.execute_stream().await?;
    let schema: SchemaRef = batches.schema();
    if let Some(mut rows) = RowWriter::new(format, &schema, BufWriter::new(file.as_file()))? {
        let mut any = false;
        while let Some(batch) = batches.try_next().await? {
            any = true;
            rows.write(&batch)?;
        }
        if !any {
            // A result without rows still has its column names.
            rows.write(&RecordBatch::new_empty(schema))?;
        }
        rows.finish()?.flush().map_err(&failed)?;
    } else {
        let all: Vec<RecordBatch> = batches.try_collect().await?;
        let text = pretty_format_batches_with_schema(schema, &all)?;
        writeln!(file.as_file(), "{text}").map_err(&failed)?;
    }
    file.as_file().sync_all().map_err(&failed)?;
    Ok(file)
}

/// Copies the result to standard output, or renames its file to `out`.
pub(super) fn publish(mut result: NamedTempFile, out: Option<&Path>) -> Result<(), Error> {
    let failed = output_failed(out);
    let Some(out) = out else {
        result.rewind().map_err(&failed)?;
        let copied = io::copy(result.as_file_mut(), &mut io::stdout().lock());
        return match copied {
            // The reader of the pipe has closed it, which is no error.
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            copied => copied.map(drop).map_err(&failed),
        };
    };
    let renamed = result.persist(out);
    renamed.map(drop).map_err(|cause| failed(cause.error))
}

fn folder_of(out: &Path) -> PathBuf {
    match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn output_failed(out: Option<&Path>) -> impl Fn(io::Error) -> Error + use<> {
    let path = out.map_or_else(|| "the answer".to_owned(), |out| out.display().to_string());
    move |cause| Error::Output {
        path: path.clone(),
        cause,
    }
}

/// Returns the batch with lists converted to text, because CSV has no lists.
fn lists_as_text(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() {
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
            columns.push(as_text(column)?);
        } else {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

fn as_text(column: &ArrayRef) -> Result<ArrayRef, Error> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    let texts: Result<Vec<String>, Error> = (0..column.len())
        .map(|row| Ok(formatter.value(row).try_to_string()?))
        .collect();
    Ok(Arc::new(StringArray::from(texts?)))
}
