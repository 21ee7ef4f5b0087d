//! The arguments that say which file is imported, and how it is read.

use std::path::PathBuf;

use clap::Args;
use fairlead_import::{
    ColumnMapping, Delimiter, FileFormat, MISSING, ReadOptions, TextEncoding, TimeUnit, ZoneName,
};

/// The file to read, and the tenant that it belongs to.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the argument is called FILE")]
pub(crate) struct File {
    /// Delimited text, JSON (lines, objects or an array), Parquet or a workbook (.xlsx); texts also
    /// with .gz or .zst.
    pub(super) file: PathBuf,
    /// File for the rows that cannot be used; if absent, FILE.rejects.csv, or for JSON
    /// FILE.rejects.jsonl.
    #[arg(long)]
    pub(super) rejects: Option<PathBuf>,
    /// The tenant.
    #[arg(long, default_value = "demo")]
    pub(super) tenant: String,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Read and check everything, show the first ten rows as they were understood, and send
    /// nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Name of the file for a column: --map customer_number=customer_id. May be repeated.
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<ColumnMapping>,
    /// csv, json, parquet or xlsx; if absent, by the ending of the name.
    #[arg(long)]
    format: Option<FileFormat>,
    /// Encoding of a text, as gbk or windows-1252; if absent, it is found out.
    #[arg(long)]
    encoding: Option<TextEncoding>,
    /// Character between fields, or `tab`; if absent, the comma, semicolon, tab or bar of the
    /// header.
    #[arg(long)]
    delimiter: Option<Delimiter>,
    /// Decimals have a comma: 1.234,5.
    #[arg(long)]
    decimal_comma: bool,
    /// Zone of times that name none, as Asia/Shanghai or +08:00; if absent, such times are refused.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<ZoneName>,
    /// Unit of times that are numbers: s, ms, us, ns, days or yyyymmdd; if absent, ms in columns
    /// named *_ms, and in others such times are refused.
    #[arg(long, value_name = "UNIT")]
    time_unit: Option<TimeUnit>,
    /// Texts that mean that a value is missing, besides the empty text.
    #[arg(long, value_delimiter = ',', default_values = MISSING, value_name = "TEXT,...")]
    missing: Vec<String>,
    /// Sheet of a workbook; if absent, the first.
    #[arg(long)]
    sheet: Option<String>,
}

impl File {
    /// Returns how the file is read.
    pub(super) fn options(&self) -> ReadOptions {
        ReadOptions {
            format: self.format,
            encoding: self.encoding,
            delimiter: self.delimiter,
            decimal_comma: self.decimal_comma,
            time_zone: self.time_zone.clone(),
            time_unit: self.time_unit,
            map: self.map.clone(),
            missing: self.missing.clone(),
            sheet: self.sheet.clone(),
        }
    }
}
